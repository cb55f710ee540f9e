"""The convolutions of DnCNN, and the two file formats of the authors' weights."""

from collections.abc import Iterable
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imgredux.errors import WeightsError
from imgredux.io import archives

DEPTH, WIDTH = 20, 64  # of DnCNN-3
LARGEST = WIDTH * WIDTH * 9  # numbers of an array
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little


class Network(nn.Sequential):
    """Luma `(B, 1, H, W)` in [0, 1] to restored luma, not clipped: the input less what the layers find in it.

    3x3 convolutions with zeros around the image; 665,921 parameters at depth 20 and width 64. batch_norm: as the paper
    trains; without it, as the authors publish, the normalisation is merged into the convolutions.
    """

    def __init__(self, depth: int = DEPTH, width: int = WIDTH, batch_norm: bool = False) -> None:
        layers: list[nn.Module] = []
        for index in range(depth):
            first, last = index == 0, index == depth - 1
            normalized = batch_norm and not (first or last)
            layer = nn.Conv2d(1 if first else width, 1 if last else width, 3, padding=1, bias=not normalized)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            layers += [layer, *([nn.BatchNorm2d(width)] if normalized else []), nn.ReLU(inplace=True)]
        super().__init__(*layers[:-1])
        nn.init.normal_(self[-1].get_parameter("weight"), std=_SMALL)
        self.to(memory_format=torch.channels_last)

    def forward(self, input: Tensor) -> Tensor:
        return input - super().forward(input)


def read_mat(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `Network` from the authors' `DnCNN3.mat`: MatConvNet layers in MATLAB 7.3, which is HDF5.

    There filters are (output, input, column, row), and dimensions of 1 at the end of MATLAB's order do not exist.

    Raises WeightsError when the layers are others, and without h5py.
    """
    try:
        import h5py
    except ImportError as error:
        raise WeightsError(f"{path} needs h5py to be read. Install it with: pip install imgredux-dncnn[mat]") from error
    try:
        with h5py.File(path) as file:
            content: Any = file
            cells = [content[cell] for cell in content["net/layers"][()].ravel()]
            pairs = [
                [_read(content[array]) for array in cell["weights"][()].ravel()] for cell in cells if "weights" in cell
            ]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path} holds no MatConvNet network in MATLAB 7.3 format: {error}") from error
    arrays = [(np.moveaxis(filters, -1, -2), biases) for filters, biases in pairs]
    return _state(path, [torch.from_numpy(np.ascontiguousarray(array)) for pair in arrays for array in pair])


def _read(array: Any) -> np.ndarray:
    """An array of a file, unless it is larger than any of the network: packed zeros take next to nothing."""
    if array.size > LARGEST:
        raise ValueError(f"an array of {array.size} numbers")
    return array[()]


def read_torch(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `Network` from a torch file of tensors alone, `0.weight`, `0.bias` ... `19.bias` in this order.

    Raises WeightsError for anything else; no code of the file is run.
    """
    try:
        content = archives.read_torch(path)
        tensors = [content[f"{index}.{name}"] for index in range(DEPTH) for name in ("weight", "bias")]
    except Exception as error:  # what torch raises depends on how the file is broken
        raise WeightsError(f"{path} is no torch file of DnCNN-3's {DEPTH} convolutions: {error}") from error
    if len(content) != len(tensors):
        raise WeightsError(f"{path} holds {len(content)} tensors; DnCNN-3 has {len(tensors)}")
    return _state(path, tensors)


def _state(path: str | PathLike[str], tensors: Iterable[Tensor]) -> dict[str, Tensor]:
    """Filters and biases in the order of the layers, by the names and in the shapes that `Network` has."""
    found, expected = list(tensors), Network().state_dict()
    sizes, wanted = ([tensor.numel() for tensor in group] for group in (found, expected.values()))
    if sizes != wanted:
        raise WeightsError(f"{path} has convolutions of {sizes} numbers; DnCNN-3 has {wanted}")
    return {
        key: tensor.reshape(like.shape).float() for (key, like), tensor in zip(expected.items(), found, strict=True)
    }
