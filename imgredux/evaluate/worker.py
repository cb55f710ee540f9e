"""What a worker of `evaluate` does: one method on one image, at every level and seed. Importing it imports no torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from imgredux import registry
from imgredux.batch.on_ray import on_ray
from imgredux.batch.processes import ENDED, Engine, in_processes
from imgredux.errors import in_words
from imgredux.registry.plugins import Declared

if TYPE_CHECKING:
    from imgredux.datasets import Item
    from imgredux.methods.base import Method
    from imgredux.protocols import Measured, Protocol

Cell = tuple[float | None, int]  # level, seed
T = TypeVar("T")


@dataclass(frozen=True)
class Who:
    """A method as rows name it; `weights`: a tag or the name of a user's file, `digest`: of what is in it.

    distribution: the plugin with its version.
    """

    method: str
    weights: str
    digest: str
    distribution: str


class Unit(NamedTuple):
    """What one worker does at a time: one method on one image, at all levels and seeds that are missing.

    name: of the method, as `method_named` takes it.
    """

    protocol: "Protocol"
    name: str
    who: Who
    dataset: str
    item: "Item"
    device: str | None
    metrics: frozenset[str]
    cells: tuple[Cell, ...]


def results(units: list[Unit], workers: int, engine: Engine) -> "Iterator[tuple[Unit, Cell | None, Measured | str]]":
    """The result of each cell, or what went wrong; without a cell, for the whole unit."""
    if workers == 1 and engine == "processes":
        for unit in units:
            for cell, result in _measure(unit):
                yield unit, cell, result
        return
    method_named.cache_clear()
    used = {unit.who.method for unit in units if unit.name}
    unknown = registry.registered({*used, *units[0].metrics} if units else used)
    if engine == "ray":
        yield from _by_ray(units, workers if workers > 1 else None, unknown)
        return
    for unit, found in in_processes(_measure_all, units, workers, unknown):
        for cell, result in found:
            yield unit, cell, result


def _by_ray(
    units: list[Unit], workers: int | None, specs: Sequence[Declared]
) -> "Iterator[tuple[Unit, Cell | None, Measured | str]]":
    for number, found in on_ray(_measure_all, units, workers, specs) if units else ():
        for cell, result in [(None, ENDED)] if found is None else found:
            yield units[number], cell, result


def _measure_all(unit: Unit) -> "list[tuple[Cell | None, Measured | str]]":
    return list(_measure(unit))


def _measure(unit: Unit) -> "Iterator[tuple[Cell | None, Measured | str]]":
    trial = _attempt(
        lambda: unit.protocol.begin(method_named(unit.name, unit.device), unit.item, unit.metrics, unit.device)
    )
    if isinstance(trial, str):
        yield None, trial
        return
    for level, seed in unit.cells:
        yield (level, seed), _attempt(partial(trial, level, seed))


def _attempt(work: Callable[[], T]) -> T | str:
    """What the work gives, or why it gives nothing: the next measurement is none the worse."""
    import torch

    try:
        with torch.no_grad():
            return work()
    except Exception as error:  # whatever a decoder or a method raises
        return in_words(error)


@cache
def method_named(name: str, device: str | None) -> "Method | None":
    """`imgredux.get` of a name, name.tag, or name=file of weights, remembered by this process; None for no name."""
    base, _, file = name.partition("=")
    return registry.get(base, device, file or None) if name else None
