"""Recipe: what a method's training is, apart from the loop that runs it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from imgredux.io import images
from imgredux.methods.base import Method
from imgredux.training.crops import Images, find_by_folder

Batch = tuple[Tensor, ...]


@dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """How the weights of one tag are trained; a plugin's `RECIPES` holds one for each tag, by name.

    options: keywords of the method's constructor. crop, batch: side and number of the crops that a device sees in a
    step; margin: additional pixels that `sample` gets on each axis. grow: other crops and batches from a share of the
    run on, as `((0.7, 96, 4),)`: small crops make many steps, large ones show what lies farther apart. steps: length of
    the schedule, unless the caller gives another.
    lr: peak learning rate of Adam, reached after `warmup` (share of the run; at 0.3, a cosine is a one-cycle schedule);
    kernels_lr: of Muon for the kernels of convolutions, None for Adam alone. `schedule` is "cosine", down to lr / 1000,
    or "plateau", halved after three validations without progress. clip: largest norm of the gradient.
    ema: share of the run that the weights are averaged over, exponentially; 0 for none.
    validations: how many validations on the held-out images a run has at most: fewer, where they would take more than
    3 % of the time. monitor: the figure of `validate` that measures
    progress; higher is better.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    crop: int = 64
    margin: int = 0
    batch: int = 16
    grow: tuple[tuple[float, int, int], ...] = ()
    steps: int = 10_000
    lr: float = 1e-3
    kernels_lr: float | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: float = 0.02
    schedule: Literal["cosine", "plateau"] = "cosine"
    clip: float = 1.0
    ema: float = 0.02
    validations: int = 20
    monitor: str = "gain"

    def stages(self) -> list[tuple[float, "Recipe"]]:
        """From which share of a run on which crops and batches are drawn: this recipe, then as it grows."""
        return [(0.0, self), *((share, replace(self, crop=crop, batch=batch)) for share, crop, batch in self.grow)]

    @abstractmethod
    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """What the loss sees of crops `(B, C, crop + margin, crop + margin)`, uint8, on the device of the training.

        Every random choice is drawn from the generator, which lives on that device.
        """

    @abstractmethod
    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, and parts of it for the log. Runs under the precision that the user chose."""

    @abstractmethod
    def validate(self, method: Method, validation: Images) -> dict[str, float]:
        """Figures of the method in eval mode on images it was not trained on, `monitor` among them."""

    def prepare(self, method: Method) -> None:  # noqa: B027 - most methods need nothing
        """The first step on a fresh method: initial values that training needs and the paper's constructor has not."""

    def finish(self, method: Method) -> None:  # noqa: B027 - most methods need nothing
        """The last step on the averaged method before it is saved, in the precision that it is saved in."""

    def find(self, folders: Iterable[str | PathLike]) -> dict[str, list[Path]]:
        """What can be trained on, by folder: image files, unless a recipe reads others. Raises ImgreduxError."""
        return find_by_folder(folders)

    def read(self, path: Path) -> np.ndarray:
        """One training image as uint8 `(C, H, W)`, C the same for all: RGB unless a recipe wants something else.

        Raises ImageError.
        """
        return rgb_planes(path)


def rgb_planes(path: Path) -> np.ndarray:
    """An image file as uint8 `(3, H, W)`, sRGB; grey is repeated. Raises ImageError."""
    return images.to_tensor(path)[0].expand(3, -1, -1).mul(255).round_().to(torch.uint8).numpy()
