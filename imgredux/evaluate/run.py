"""One evaluation: what is asked for, what the rows hold already, and what is measured and written."""

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import product
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from imgredux import registry
from imgredux._version import __version__, commit
from imgredux.batch.processes import Engine
from imgredux.errors import ImgreduxError, UnknownName
from imgredux.evaluate.results import Row, appending, key
from imgredux.evaluate.trying import unavailable
from imgredux.evaluate.worker import Cell, Unit, Who, method_named, results
from imgredux.io.shards import Shard

if TYPE_CHECKING:
    from imgredux.datasets import Dataset
    from imgredux.protocols import Measured, Protocol


class ProtocolError(ImgreduxError, ValueError):
    """What is asked for does not fit the protocol: a level, a metric, a kind of method, data sets of one name."""


@dataclass(frozen=True)
class Step:
    """News of a run: `done` of `total` measurements. `what` is the latest, and `row` is what was written for it.

    error: why there is no row. Rows that were there when the run began are not counted.
    """

    done: int
    total: int
    what: str
    row: Row | None = None
    error: str | None = None


def evaluate(
    protocol: "str | Protocol",
    methods: Iterable[str],
    datasets: "Iterable[Dataset]",
    out: str | PathLike,
    *,
    levels: Sequence[float] | None = None,
    seeds: Sequence[int] = (0,),
    metrics: Collection[str] | None = None,
    device: str | None = None,
    workers: int = 1,
    shard: Shard | None = None,
    engine: Engine = "processes",
    progress: Callable[[Step], None] | None = None,
) -> list[Step]:
    """Measure every method on every image at every level and seed, and append one row for each to the file `out`.

    What `out` holds already is not measured again if it has the columns asked for and was made with the same weights,
    plugin version and version of imgredux; otherwise a new row takes the old one's place. A run that is killed at any
    moment and started again loses no row and writes none twice.

    protocol: the name of an installed one, or one of your own. methods: names, name.tag, name=file for a file
    of weights, and the protocol's `without`.
    levels: the protocol's own unless given. seeds: of the noise; one is enough where a protocol draws none.
    metrics: columns to compute, all unless given. Of all, those whose package or weights are not on this machine are
    left out, each with a warning; rows without them hold until they can be computed. One that is given is an error
    then. device: of methods and metrics.
    workers: processes, one thread each; 1 works in this process. A script that asks for more needs the usual
    `if __name__ == "__main__":`. shard: only the images of this part of the job, with rows in a file of its own beside
    `out` until a run without one takes them in. engine: "ray" takes `workers` of a Ray cluster, which sees the same
    folders, or of one that it starts here. progress: called after each measurement.

    Returns the steps that failed. No row was written for them, and the next run tries them again. Raises ProtocolError
    and what `imgredux.get` raises; ImgreduxError for metrics that cannot be computed, a device that is not there, `out`
    in use or a file of something else, a worker that was killed; OSError when `out` cannot be written.
    """
    protocol = _protocol(protocol)
    wanted = _metrics(protocol, metrics)
    cells = list(product(_levels(protocol, levels), dict.fromkeys(seeds) if protocol.spec.seeded else (0,)))
    try:
        named = _identities(protocol, methods, device)
        with appending(out, shard) as (rows, append):
            plan = partial(_plan, protocol, named, list(datasets), cells, rows=rows, device=device)
            units = [*plan(wanted=wanted)]
            missing = unavailable(protocol, wanted, asked=metrics is not None) if units else {}
            if missing:
                for name, why in missing.items():
                    warnings.warn(f"{name} is left out: {why}", stacklevel=2)
                units = [*plan(wanted=wanted - missing.keys(), missing=frozenset(missing))]
            if shard is not None:
                units = [unit for unit in units if shard.has(f"{unit.dataset}/{unit.item.stem}")]
            return _write(results(units, workers, engine), sum(len(unit.cells) for unit in units), append, progress)
    finally:
        method_named.cache_clear()


def _write(
    measured: "Iterable[tuple[Unit, Cell | None, Measured | str]]",
    total: int,
    append: Callable[[Row], None],
    progress: Callable[[Step], None] | None,
) -> list[Step]:
    """Append each result as a row and tell of it. Returns the steps that failed."""
    done, failed = 0, []
    for unit, cell, result in measured:
        done += len(unit.cells) if cell is None else 1  # without a cell, nothing came of the whole unit
        what = f"{unit.name or unit.who.method}, {unit.dataset}, {unit.item.stem}"
        if cell is not None and cell[0] is not None:
            what += f", {unit.protocol.spec.level} {cell[0]}"
        if cell is None or isinstance(result, str):
            step = Step(done, total, what, error=str(result))
            failed.append(step)
        else:
            row = _row(unit, cell, result)
            append(row)
            step = Step(done, total, what, row)
        if progress is not None:
            progress(step)
    return failed


def _protocol(name: "str | Protocol") -> "Protocol":
    if not isinstance(name, str):
        return name
    from imgredux import protocols

    try:
        return protocols.load(name)
    except UnknownName as error:
        raise ProtocolError(str(error)) from error


def _levels(protocol: "Protocol", levels: Sequence[float] | None) -> list[float | None]:
    chosen = protocol.spec.levels if levels is None else [level if level % 1 else int(level) for level in levels]
    wrong = [str(level) for level in chosen if not protocol.accepts(level)]
    if wrong or not chosen:
        raise ProtocolError(
            f"{protocol.spec.name} has no {protocol.spec.level} {' or '.join(wrong) or 'in an empty list'}"
        )
    return list(dict.fromkeys(chosen))


def _metrics(protocol: "Protocol", metrics: Collection[str] | None) -> frozenset[str]:
    """Those of the protocol, or some of all that are installed; a protocol without any takes none."""
    spec = protocol.spec
    chosen = frozenset(spec.metrics if metrics is None else metrics)
    known = {*spec.metrics, *(registry.list_metrics() if spec.metrics and not chosen <= {*spec.metrics} else ())}
    unknown = sorted(chosen - known)
    if unknown:
        choices = ", ".join([*spec.metrics, *sorted(known - {*spec.metrics})]) or "it takes none"
        raise ProtocolError(f"{spec.name} has no metric {' or '.join(unknown)}. Choose from: {choices}")
    return chosen


def _identities(protocol: "Protocol", methods: Iterable[str], device: str | None) -> dict[Who, str]:
    """Each method once, by what rows call it, and its name; all are built to show what is wrong with them."""
    found: dict[Who, str] = {}
    for name in methods:
        if name and name == protocol.spec.without:
            found[Who(name, "", "", "")] = ""
            continue
        plain, _, file = name.partition("=")
        base = plain.partition(".")[0]
        info = registry.info(base)
        if info.spec.kind != protocol.spec.kind:
            measured = f"{protocol.spec.name} measures {protocol.spec.kind}s"
            raise ProtocolError(f"{base} is of the kind {info.spec.kind}: {measured}")
        try:
            method = method_named(name, device)
        except (RuntimeError, AssertionError) as error:  # what torch raises for a device it lacks
            if device is None:
                raise
            raise ImgreduxError(f"the device {device!r} cannot be used: {error}") from error
        assert method is not None  # it has a name
        digest = method.digest.hex() if any(method.digest) else ""
        weights = Path(file).name or method.tag
        who = Who(base, weights, digest, " ".join(filter(None, (info.distribution, info.version))))
        if any((one.method, one.weights) == (base, weights) and one != who for one in found):
            raise ProtocolError(f"two files of {base} are named {weights}: rows could not tell them apart")
        found.setdefault(who, name)
    if not found:
        raise ProtocolError("no method: name one")
    return found


def _plan(
    protocol: "Protocol",
    methods: dict[Who, str],
    datasets: "list[Dataset]",
    cells: list[tuple[float | None, int]],
    wanted: frozenset[str],
    rows: list[Row],
    device: str | None,
    missing: frozenset[str] = frozenset(),
) -> Iterator[Unit]:
    """The work that `rows` do not hold, image by image, so that all methods are equally far when a run is ended.

    missing: metrics that cannot be computed here; a row's figure of them goes where the row is measured anew.
    """
    names = [dataset.name for dataset in datasets]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ProtocolError(f"two data sets are named {', '.join(sorted(twice))}: rows could not tell them apart")
    held = {key(row): row for row in rows}
    computable = {*protocol.spec.metrics, *(registry.list_metrics() if rows and protocol.spec.metrics else ())}
    computable -= {column.name for column in protocol.spec.columns} - {*protocol.spec.metrics}
    computable -= missing
    for dataset in datasets:
        for item, (who, name) in product(dataset.items, methods.items()):
            metrics, wanting = wanted, []
            for level, seed in cells:
                row = held.get((protocol.spec.name, who.method, who.weights, dataset.name, item.stem, level, seed))
                if row is not None and _stamp(who).items() <= row.items():
                    if wanted <= row["values"].keys():
                        continue
                    metrics |= row["values"].keys() & computable  # the new row replaces this one
                wanting.append((level, seed))
            if wanting:
                yield Unit(protocol, name, who, dataset.name, item, device, metrics, tuple(wanting))


def _stamp(who: Who) -> dict[str, str]:
    """What a row must have been made with to hold today."""
    return {"digest": who.digest, "distribution": who.distribution, "version": __version__}


def _row(unit: Unit, cell: Cell, measured: "Measured") -> Row:
    level, seed = cell
    row: Row = {
        "protocol": unit.protocol.spec.name,
        "method": unit.who.method,
        "weights": unit.who.weights,
        "dataset": unit.dataset,
        "image": unit.item.stem,
        "level": level,
        "seed": seed,
        "values": dict(measured.values),
        "seconds": round(measured.seconds, 6),
        **_stamp(unit.who),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
    }
    return {**row, "problem": measured.problem} if measured.problem else row
