"""The recursive convolutions of ResJND, and the authors' checkpoint."""

from os import PathLike

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.errors import WeightsError
from imgredux.io import archives

WIDTH, RECURSIONS = 128, 25
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little


class Network(nn.Module):
    """RGB `(B, 3, H, W)` in [0, 1] to CPL - I in the same units; 301,824 parameters at a width of 128.

    3x3 convolutions without biases, with zeros around the image; `conv1` and `conv2` are the same in each recursion.
    """

    def __init__(self, width: int = WIDTH, recursions: int = RECURSIONS) -> None:
        super().__init__()
        self.recursions = recursions
        ends = ((3, width), (width, width), (width, width), (width, 3))
        layers = (nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in ends)
        self.input, self.conv1, self.conv2, self.output = layers
        for layer in (self.input, self.conv1, self.conv2):
            nn.init.normal_(layer.weight, std=(2 / (9 * layer.out_channels)) ** 0.5)
        nn.init.normal_(self.output.weight, std=_SMALL)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        # The authors' ReLUs work in place, so that what each recursion adds is ReLU(F0), where their formula has F0.
        F0 = F.relu(self.input(x), inplace=True)
        h = F0
        for _ in range(self.recursions):
            h = F.relu(self.conv2(F.relu(self.conv1(h), inplace=True)) + F0, inplace=True)
        return self.output(h)


def read_torch(path: str | PathLike[str]) -> dict[str, Tensor]:
    """State of `Network` from the authors' checkpoint: `input.weight`, `conv1.weight`, `conv2.weight`, `output.weight`.

    Raises WeightsError for anything else; no code of the file is run.
    """
    expected = Network().state_dict()
    try:
        content = archives.read_torch(path)
        state = {key: content[key].float() for key in expected}
    except Exception as error:  # what torch raises depends on how the file is broken
        raise WeightsError(f"{path} is no checkpoint of ResJND's four convolutions: {error}") from error
    shapes, wanted = ([tuple(tensor.shape) for tensor in group.values()] for group in (state, expected))
    if shapes != wanted or len(content) != len(expected):
        raise WeightsError(f"{path} holds {len(content)} tensors, those of ResJND's names {shapes}; it has {wanted}")
    return state
