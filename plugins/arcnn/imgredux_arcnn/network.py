"""The four convolutions of AR-CNN, and the file format of the authors' weights."""

from os import PathLike

import numpy as np
import torch
from torch import Tensor, nn

from imgredux.errors import ImgreduxError, WeightsError
from imgredux.io import archives

# Name in the authors' files, kernel side, input and output channels.
LAYERS = (
    ("conv1", 9, 1, 64),  # feature extraction
    ("conv2", 7, 64, 32),  # feature enhancement
    ("conv22", 1, 32, 16),  # mapping
    ("conv3", 5, 16, 1),  # reconstruction
)
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh residual changes little


class Network(nn.Sequential):
    """Luma `(B, 1, H, W)` in [0, 1] to restored luma, not clipped; 106,561 parameters, each layer edge-replicated.

    residual: the layers give what is added to their input, and begin near zero.
    """

    def __init__(self, residual: bool = True) -> None:
        layers: list[nn.Module] = []
        for _, side, inputs, outputs in LAYERS:
            layer = nn.Conv2d(inputs, outputs, side, padding=side // 2, padding_mode="replicate")
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.get_parameter("bias"))
            layers += [layer, nn.ReLU(inplace=True)]
        super().__init__(*layers[:-1])
        self.residual = residual
        if residual:
            nn.init.normal_(self[-1].get_parameter("weight"), std=_SMALL)
        self.to(memory_format=torch.channels_last)

    def forward(self, input: Tensor) -> Tensor:
        restored = super().forward(input)
        return input + restored if self.residual else restored


def read_mat(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `Network` from a file of the authors (MATLAB 5): `weights_conv1` (inputs, k k, outputs), `biases_conv1`.

    The k k weights of a filter run down its columns. No code of the file is run.

    Raises WeightsError when the arrays are others.
    """
    try:
        content = archives.read_matlab(path)
    except (ImgreduxError, ValueError, TypeError, NotImplementedError) as error:
        raise WeightsError(f"{path} is no MATLAB 5 file of AR-CNN's weights: {error}") from error
    state = {}
    for index, (name, k, inputs, outputs) in enumerate(LAYERS):
        for key, size in ((f"weights_{name}", inputs * k * k * outputs), (f"biases_{name}", outputs)):
            found = np.size(content.get(key, ()))
            if found != size:
                raise WeightsError(f"{path} holds {found} numbers under {key!r}; AR-CNN has {size}")
        weight = np.reshape(content[f"weights_{name}"], (inputs, k, k, outputs)).transpose(3, 0, 2, 1)
        bias = np.reshape(content[f"biases_{name}"], outputs)
        state[f"{2 * index}.weight"] = torch.from_numpy(np.array(weight, np.float32, order="C"))
        state[f"{2 * index}.bias"] = torch.from_numpy(np.array(bias, np.float32))
    return state
