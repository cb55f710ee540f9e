"""What every protocol is, and what the protocols share."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor

from imgredux.methods.base import Method
from imgredux.methods.spec import Kind

if TYPE_CHECKING:
    from imgredux.datasets import Dataset, Item

Better = Literal["higher", "lower", ""]  # "": a column that describes and does not judge
T = TypeVar("T")
Metric = Callable[[Tensor, Tensor], Tensor]  # (image, reference) -> (1,)


class Measured(NamedTuple):
    """What one trial gave: values by column, all None where `problem` says why there are none.

    seconds: wall time of the method itself on this image, metrics not counted; 0 for rows without a method.
    """

    values: Mapping[str, float | None]
    seconds: float
    problem: str = ""


Trial = Callable[[float | None, int], Measured]  # (level, seed)


class Protocol(ABC):
    """How methods of one kind are measured, one image at a time; must be picklable, for worker processes.

    name, kind: of the protocol, of the methods. level: what the level is, `levels`: the ones measured by default,
    `(None,)` where there is but one. seeded: whether a seed changes anything. without: name of the rows that are
    measured without a method, empty where there are none.
    metrics: the columns that can be left out, with what computes them. columns: every column, which direction is
    better. counts: the column by which methods are compared. comparable: a level means the same for every method.
    """

    name: str
    kind: Kind
    level: str
    levels: tuple[float | None, ...]
    seeded: bool = False
    without: str = ""
    comparable: bool = True
    metrics: Mapping[str, Metric]
    columns: Mapping[str, Better]
    counts: str

    @abstractmethod
    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        """Read the image and do what all levels and seeds share; the trial that is returned measures one of them.

        method: from `imgredux.get` for the same device; None for the rows `without`. metrics: columns to compute, None
        for all. Raises ImageError for an image that the protocol cannot use, and whatever the method raises.
        """

    def accepts(self, level: float | None) -> bool:
        """Whether this is a level of the protocol."""
        return level in self.levels

    def datasets(self, path: str | PathLike, downscale: int = 1) -> "list[Dataset]":
        """What a folder holds for this protocol: one data set of its images, named after it.

        A downscaled one is named otherwise ("photos/2"): its rows must not be taken for those of the full size.
        Raises ImgreduxError as `datasets.folder`.
        """
        from imgredux.datasets import folder

        found = folder(path, downscale=downscale)
        return [found if downscale == 1 else replace(found, name=f"{found.name}/{downscale}")]


def eight_bit(x: Tensor) -> Tensor:
    """The image on the 256 levels, as the files of every protocol hold it."""
    return x.clamp(0, 1).mul(255).round().div(255)


def chosen(protocol: Protocol, metrics: Collection[str] | None) -> dict[str, Metric]:
    """The metrics of a protocol that are asked for, None for all."""
    return {name: metric for name, metric in protocol.metrics.items() if metrics is None or name in metrics}


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds it took until a tensor was there."""
    start = time.perf_counter()
    result = work()
    if isinstance(result, Tensor) and result.is_cuda:
        torch.cuda.synchronize(result.device)
    return result, time.perf_counter() - start
