"""Restoration networks of other people, from the checkpoints that users have: read by spandrel."""

import copy
import importlib
import warnings
from os import PathLike
from typing import Any

import torch
from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError, canonicalize_state_dict
from torch import Tensor

from imgredux import ops
from imgredux.errors import WeightsError
from imgredux.methods.restorer import Restorer
from imgredux.methods.tiling import faded
from imgredux.methods.weights import read_checkpoint

ALIGN = 16
NEEDS = 'spandrel runs networks of others: imgredux.get("spandrel", weights="FBCNN.pth")'


class Spandrel(Restorer):
    """A network that spandrel knows: `(B, 1 or 3, H, W)` in [0, 1] to the same, whatever the network's own channels.

    described: what spandrel makes of a checkpoint, a network that keeps the size of an image. A network of one channel
    restores the JFIF luma, and Cb and Cr are kept. A network of three restores grey images as colour without colour.
    tile, overlap: side of the squares that a larger image is cut into, and how far they overlap; each fades into the
    next. What networks see farther than the overlap changes with the tile.

    Which architecture a checkpoint has is told from the names and shapes in it. Those of spandrel_extra_arches, such as
    Restormer, are known where that is installed. Raises WeightsError without a network, or for one that enlarges.
    """

    def __init__(self, *, described: ImageModelDescriptor | None = None, tile: int = 512, overlap: int = 64) -> None:
        super().__init__()
        if described is None:
            raise WeightsError(NEEDS)
        name = described.architecture.name
        if described.scale != 1:
            raise WeightsError(f"{name} enlarges {described.scale} times, and is no restorer of JPEG")
        channels = described.input_channels
        if channels not in (1, 3) or described.output_channels != channels:
            raise WeightsError(
                f"{name} takes {channels} channels, gives {described.output_channels}: not 1 or 3 of both"
            )
        if tile % ALIGN or overlap % ALIGN or not 0 < 2 * overlap <= tile:
            raise WeightsError(f"tile is {tile}, overlap {overlap}; give multiples of {ALIGN}, overlap at most half")
        self.channels, self.tile, self.overlap = channels, tile, overlap
        self.architecture = name
        self.network = described.model
        self._described = (described,)  # a tuple hides it from nn.Module, which holds the network itself

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The network of a checkpoint of torch or safetensors; no code of the file is run. Raises WeightsError."""
        state = canonicalize_state_dict(read_checkpoint(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about code of spandrel that a user can do nothing about
            _know_more()
            try:
                described = ModelLoader().load_from_state_dict(state)
            except UnsupportedModelError:
                raise WeightsError(f"{path} holds no network that spandrel knows") from None
        if not isinstance(described, ImageModelDescriptor):
            raise WeightsError(f"{path} holds {described.architecture.name}, which needs a mask beside the image")
        return {"described": described}, {f"network.{k}": v for k, v in described.model.state_dict().items()}

    @torch.no_grad()
    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        """The restored batch. qtable is not looked at: these networks see pixels alone."""
        planes = ops.luma(x) if self.channels == 1 else x.expand(-1, 3, -1, -1)
        (described,) = self._described

        def run(part: Tensor) -> Tensor:
            return described(part).clone()  # of inference mode; a clone is a tensor like any other

        y = torch.cat([faded(run, one, self.tile, self.overlap, ALIGN) for one in planes.split(1)])
        if self.channels == 1 and x.shape[1] == 3:
            return ops.with_luma(x, y).clamp(0, 1)
        return y.mean(1, keepdim=True) if y.shape[1] > x.shape[1] else y

    def __deepcopy__(self, memo: dict[int, Any]) -> "Spandrel":
        """A copy whose description describes the copied network."""
        (described,) = self._described
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        twin.__setstate__({k: v if k == "_described" else copy.deepcopy(v, memo) for k, v in self.__dict__.items()})
        again = copy.copy(described)
        again._model = twin.network
        twin._described = (again,)
        return twin


def _know_more() -> None:
    """The architectures of spandrel_extra_arches, where it is installed; its licences are not all free."""
    try:
        more = importlib.import_module("spandrel_extra_arches")
    except ImportError:
        return
    more.install(ignore_duplicates=True)
