"""What every protocol is, and what the protocols share."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

import torch
from torch import Tensor

from imgredux import registry
from imgredux.datasets.base import folder
from imgredux.errors import PluginError
from imgredux.methods.base import Method
from imgredux.methods.declarations import ProtocolSpec
from imgredux.metrics import Function
from imgredux.registry.building import attribute

if TYPE_CHECKING:
    from imgredux.datasets.base import Dataset, Item

T = TypeVar("T")


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

    `load` sets `spec`; a protocol that no plugin declares has it in its class. own: metrics that this protocol computes
    in its own way, or that only this protocol has.
    """

    spec: ProtocolSpec
    own: ClassVar[Mapping[str, Function]] = {}

    @abstractmethod
    def begin(
        self, method: Method | None, item: "Item", metrics: Collection[str] | None = None, device: str | None = None
    ) -> Trial:
        """Read the image and do what all levels and seeds share. The returned trial measures one level and seed.

        method: from `imgredux.get` for the same device; None for the rows `without`. metrics: names of those to
        compute, None for all of the protocol. Raises ImageError for an image that the protocol cannot use, and whatever
        the method raises.
        """

    def accepts(self, level: float | None) -> bool:
        """Whether this is a level of the protocol."""
        return level in self.spec.levels

    def function(self, metric: str) -> Function:
        """What computes a metric here. Raises UnknownName, PluginError."""
        return self.own[metric] if metric in self.own else registry.metric(metric).function

    def functions(self, metrics: Collection[str] | None) -> dict[str, Function]:
        """What computes the metrics that are asked for, None for all of the protocol."""
        return {name: self.function(name) for name in (self.spec.metrics if metrics is None else metrics)}

    def datasets(self, path: str | PathLike, downscale: int = 1) -> "list[Dataset]":
        """What a folder holds for this protocol: one data set of its images, named after it.

        A downscaled data set has another name ("photos/2"), so that its rows are not taken for those of the full size.
        Raises ImgreduxError as `datasets.folder`.
        """
        found = folder(path, downscale=downscale)
        return [found if downscale == 1 else replace(found, name=f"{found.name}/{downscale}")]


def load(name: str) -> Protocol:
    """An installed protocol, ready to measure. Raises UnknownName, PluginError."""
    spec = registry.protocol(name)
    cls = attribute(spec)
    if not (isinstance(cls, type) and issubclass(cls, Protocol)):
        raise PluginError(f"{spec.target} is declared as protocol, but is no subclass of imgredux.protocols.Protocol")
    made = cls()
    made.spec = spec
    return made


def eight_bit(x: Tensor) -> Tensor:
    """The image on the 256 levels, as the files of every protocol hold it."""
    return x.clamp(0, 1).mul(255).round().div(255)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds it took until a tensor was there."""
    start = time.perf_counter()
    result = work()
    if isinstance(result, Tensor) and result.is_cuda:
        torch.cuda.synchronize(result.device)
    return result, time.perf_counter() - start
