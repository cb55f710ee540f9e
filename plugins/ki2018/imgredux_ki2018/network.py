"""CNN-JNQD: three convolutions from luma to pre-processed luma, and the file format of the authors' weights."""

from itertools import pairwise
from os import PathLike

import numpy as np
import torch
from torch import Tensor, nn

from imgredux.errors import WeightsError
from imgredux.io import archives

HALO = 3  # pixels lost on every side, for want of padding
CHANNELS = (1, 64, 64, 1)


def network() -> nn.Sequential:
    """Fresh network of 38,145 parameters, with the authors' initial values: luma in [0, 1] to luma, no residual.

    `(B, 1, H + 6, W + 6)` to `(B, 1, H, W)`: nothing is padded.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(CHANNELS):
        layer = nn.Conv2d(inputs, outputs, 3)
        nn.init.normal_(layer.weight, std=0.01)
        with torch.no_grad():
            layer.get_parameter("bias").zero_()
        layers += [layer, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)


def read_matconvnet(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `network` from a MatConvNet file of MATLAB 5 format with a struct `net` that has `layers`.

    Filters are (row, column, input, output); MATLAB drops an output dimension of 1. They lie under `weights`, with
    the biases, or in older files under `filters` and `biases`. No code of the file is run.

    Raises WeightsError when the layers are others.
    """
    content = archives.read_matlab(path, simplify_cells=True, variable_names=["net"])
    try:
        layers = [layer for layer in content["net"]["layers"] if layer["type"] == "conv"]
        pairs = [layer["weights"] if "weights" in layer else (layer["filters"], layer["biases"]) for layer in layers]
    except (KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"{path} holds no MatConvNet network: a struct 'net' with 'layers' is missing") from error
    sizes = [np.size(array) for pair in pairs for array in pair]
    ends = list(pairwise(CHANNELS))
    expected = [size for i, o in ends for size in (9 * i * o, o)]
    if sizes != expected:
        raise WeightsError(f"{path} has convolutions of {sizes} numbers; this network has {expected}")
    state = {}
    for index, ((filters, biases), (i, o)) in enumerate(zip(pairs, ends, strict=True)):
        weight = np.reshape(filters, (3, 3, i, o)).transpose(3, 2, 0, 1)
        state[f"{2 * index}.weight"] = torch.from_numpy(np.array(weight, np.float32, order="C"))
        state[f"{2 * index}.bias"] = torch.from_numpy(np.array(biases, np.float32).reshape(o))
    return state
