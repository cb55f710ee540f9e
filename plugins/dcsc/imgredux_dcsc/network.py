"""The convolutions of DCSC, and the TensorFlow checkpoint of its authors."""

from os import PathLike
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.errors import WeightsError

WIDTH, ITERATIONS = 128, 40  # of the authors' network
SCALES, EACH = (1, 2, 4), 48  # dilations of the first layer, and features of each
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little
# Tensors of the authors' data file, in its order: name, and shape there, filters as (row, column, input, output).
LAYOUT = (
    ("gather.weight", (3, 3, 144, 128)),
    ("first.0.bias", (48,)),
    ("first.0.weight", (3, 3, 1, 48)),
    ("first.1.bias", (48,)),
    ("first.1.weight", (3, 3, 1, 48)),
    ("first.2.bias", (48,)),
    ("first.2.weight", (3, 3, 1, 48)),
    ("step.weight", (3, 3, 128, 128)),
    ("last.bias", (1,)),
    ("last.weight", (3, 3, 128, 1)),
)


class Network(nn.Module):
    """Luma `(B, 1, H, W)` in [0, 1] to restored luma, not clipped; 315,937 parameters at a width of 128.

    X are features of three dilations, G = gather(X); from U = ReLU(G) each iteration makes U = ReLU(G + step(U)) with
    the same `step`, as the iterations of sparse coding do. What is added to luma is last(U). Zeros around the image.
    """

    def __init__(self, width: int = WIDTH, iterations: int = ITERATIONS) -> None:
        super().__init__()
        self.iterations = iterations
        self.first = nn.ModuleList(nn.Conv2d(1, EACH, 3, padding=d, dilation=d) for d in SCALES)
        self.gather = nn.Conv2d(EACH * len(SCALES), width, 3, padding=1, bias=False)
        self.step = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        # A step applied 40 times must neither grow nor vanish: it begins as a small change of what it is given.
        nn.init.normal_(self.step.weight, std=0.5 / (9 * width) ** 0.5)
        nn.init.normal_(self.last.weight, std=_SMALL)
        nn.init.zeros_(self.last.get_parameter("bias"))
        self.to(memory_format=torch.channels_last)

    def forward(self, luma: Tensor) -> Tensor:
        G = self.gather(torch.cat([layer(luma) for layer in self.first], 1))
        U = F.relu(G)
        for _ in range(self.iterations):
            U = F.relu(self.step(U) + G)
        return luma + self.last(U)


def is_tensorflow(path: str | PathLike[str]) -> bool:
    """Whether a file's name is that of the data of a TensorFlow checkpoint."""
    return ".data-" in Path(path).suffix


def read_tensorflow(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `Network` from the authors' `model.data-00000-of-00001`: float32 numbers, one tensor after the other.

    The file has no names: its index beside it has, and need not be there. Raises WeightsError for another size.
    """
    sizes = [int(np.prod(shape)) for _, shape in LAYOUT]
    try:
        size = Path(path).stat().st_size
        if size != 4 * sum(sizes):
            raise WeightsError(f"{path} has {size} bytes; the checkpoint of DCSC's authors has {4 * sum(sizes)}")
        numbers = np.fromfile(path, "<f4")
    except OSError as error:
        raise WeightsError(f"cannot read weights: {error}") from error
    if not np.isfinite(numbers).all():
        raise WeightsError(f"{path} holds numbers that are not finite: it is no checkpoint of DCSC's authors")
    state = {}
    for (name, shape), part in zip(LAYOUT, np.split(numbers, np.cumsum(sizes)[:-1]), strict=True):
        array = part.reshape(shape)
        array = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
        state[name] = torch.from_numpy(np.ascontiguousarray(array))
    return state
