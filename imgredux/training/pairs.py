"""What training on pairs has in common: pristine images, and critical ones that an observer just tells from them."""

import warnings
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from imgredux import datasets
from imgredux.datasets import Dataset, Item
from imgredux.datasets.base import existing
from imgredux.errors import ImgreduxError
from imgredux.methods.base import Method
from imgredux.training.recipe import Batch, Recipe

if TYPE_CHECKING:
    from imgredux.training.crops import Images

_LEAST = 1e-6  # squared grey levels: below it an error counts as this much, so that its logarithm exists

# What stands in a folder, in lower case, and the reader for it.
_READERS = (
    ({"ref", "jnd"}, datasets.pairs),
    ({"ref", "jnd1"}, datasets.pairs),
    ({"source_images", "distorted_image"}, datasets.mcl_jci),
    ({"source_image", "subjective_ratings.csv"}, datasets.konjnd),
    *(({f"session{n}_ori", f"session{n}_dis"}, datasets.shen2020) for n in range(1, 5)),
)


@dataclass(frozen=True, kw_only=True)
class PairRecipe(Recipe):
    """Crops of pristine images with their critical images, and the mean squared error of what a method predicts.

    A subclass overrides `predict`, and `loss` where it differs. target: what `predict` gives, the critical "image" `(B,
    3, H, W)` in [0, 1], or the "map" of its distances from the pristine one, in the same units. `gain` is the dB by
    which the mean squared error on held-out pairs lies below that of predicting no change: above 0, it has learnt.

    Folders are what `imgredux make-pairs` writes, MCL-JCI, SHEN2020 or KonJND-1k as they are distributed, or folders of
    such folders. All pairs of one stem, as of several codecs, are on one side of the split.
    """

    target: Literal["image", "map"] = "image"
    _items: dict[Path, Item] = field(default_factory=dict, init=False, repr=False, compare=False)

    @abstractmethod
    def predict(self, method: Method, reference: Tensor) -> Tensor:
        """The critical image, or the map, of pristine images `(B, 3, H, W)` in [0, 1], of their shape; differentiable.

        Runs under the precision that the user chose.
        """

    def find(self, folders: Iterable[str | PathLike]) -> dict[str, list[Path]]:
        """The pristine image of each pair in folders or their subfolders; warns of pairs that are not whole.

        Raises ImgreduxError where there is none.
        """
        roots = [existing(folder) for folder in folders]
        self._items.clear()
        for dataset in (found for root in roots for found in _data_sets(root)):
            if dataset.problems:
                some = "; ".join(dataset.problems[:3])
                warnings.warn(f"{dataset.name}: {len(dataset.problems)} left out, as {some}", stacklevel=2)
            self._items.update({item.path: item for item in dataset})
        if not self._items:
            names = ", ".join(map(str, roots))
            raise ImgreduxError(f"no pairs in {names}: make ref/ and jnd/ with `imgredux make-pairs`")
        return {"pairs": sorted(self._items)}

    def read(self, path: Path) -> np.ndarray:
        """A pristine image that `find` found and its critical one, stacked: uint8 `(6, H, W)`, sRGB, grey repeated.

        Raises ImageError, also for two sizes, and ImgreduxError for another path.
        """
        if path not in self._items:
            raise ImgreduxError(f"{path} is the pristine image of no pair that was found")
        item = self._items[path]
        planes = [x[0].expand(3, -1, -1) for x in (item.read(), item.read_critical())]
        return torch.cat(planes).mul_(255).round_().to(torch.uint8).numpy()

    def pair(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Pristine and critical images `(B, 3, H, W)` in [0, 1], of both stacked, uint8 `(B, 6, H, W)`.

        What training and validation see; a subclass that learns something else of them overrides it.
        """
        reference, critical = planes.float().div_(255).split(3, 1)
        return reference, critical

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Pristine and critical crops, as `pair` gives them."""
        return self.pair(crops)

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        reference, critical = batch
        return (self.predict(method, reference) - self._wanted(reference, critical)).square().mean(), {}

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        """Squared grey levels on the middles of held-out pairs, by the method and for no change at all."""
        errors = []
        for planes in validation.middles():
            reference, critical = self.pair(planes)
            predicted = self.predict(method, reference) - self._wanted(reference, critical)
            errors.append(torch.stack([e.double().square().mean() for e in (predicted, critical - reference)]))
        mse, identity = (torch.stack(errors).mean(0) * 255**2).tolist()
        gain = 10 * np.log10(max(identity, _LEAST) / max(mse, _LEAST))
        return {"gain": float(gain), "mse": mse, "mse_identity": identity}

    def _wanted(self, reference: Tensor, critical: Tensor) -> Tensor:
        return critical if self.target == "image" else (critical - reference).abs()


def _data_sets(folder: Path) -> Iterator[Dataset]:
    """The data set that a folder is, or those that its subfolders are."""
    children = sorted(folder.iterdir())
    names = {child.name.lower() for child in children}
    for marks, reader in _READERS:
        if marks <= names:
            yield reader(folder)
            return
    for child in children:
        if child.is_dir():
            yield from _data_sets(child)
