"""The first JND that a model predicts for JPEG, beside the range in which observers saw it."""

from collections.abc import Collection
from dataclasses import dataclass
from os import PathLike

from imgredux.datasets import Dataset, Item
from imgredux.errors import ImageError
from imgredux.methods.base import Method
from imgredux.protocols import first_jnd as konjnd
from imgredux.protocols.base import Measured, Protocol, Trial, timed


@dataclass(frozen=True)
class Judged(Item):
    """An image with the lowest and highest JPEG quality factor at which observers first saw it change."""

    low: int = 1
    high: int = 100


class KonJnd(Protocol):
    """The JPEG quality at which an estimator's map is used up, against the range of observers (`first_jnd`).

    The rows `ssimulacra2` are the rule of `imgredux make-pairs`, a score of 65, which needs no method.
    """

    def begin(
        self, method: Method | None, item: Item, metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        if not isinstance(item, Judged):
            raise ImageError("no observers' range for this image: jnd-konjnd needs a data folder with jnd_ranges.csv")
        image = item.read().to(device or "cpu")

        def trial(level: float | None, seed: int) -> Measured:
            quality, seconds = timed(lambda: konjnd.predict_quality(method or konjnd.RULE, image))
            values = {
                "inside": item.low <= quality <= item.high,
                "quality": quality,
                "low": item.low,
                "high": item.high,
            }
            return Measured(values, seconds)

        return trial

    def datasets(self, path: str | PathLike, downscale: int = 1) -> list[Dataset]:
        """The images of `path/src` that `path/jnd_ranges.csv` has a range for: of observers, and of trap questions."""
        if downscale != 1:
            raise ImageError(f"downscale is {downscale}: observers saw these images as they are")
        found: dict[str, list[Item]] = {}
        for item, name, low, high in konjnd.ranges(path):
            found.setdefault(name, []).append(Judged(item.stem, item.path, low=low, high=high))
        return [Dataset(name, tuple(items)) for name, items in found.items()]
