"""Rows of results as the tables of a report: what the page and the Markdown file both show."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

from imgredux.evaluate.columns import column_of, heading, number, plus_minus, protocol_of
from imgredux.evaluate.summary import Summary, label_of, paired, summarize
from imgredux.io.jsonl import Row
from imgredux.methods.declarations import Column, ProtocolSpec

REACHED = 0.005  # of the level: a mean of what was realised that is farther off is said to be
PACKED, MISSED = "†", "‡"  # out of a guard's bounds; not the level that was asked for


@dataclass(frozen=True)
class Place:
    """A column at one level. counts: methods are compared by it."""

    column: Column
    level: float | None
    counts: bool

    @property
    def label(self) -> str:
        return heading(self.column)

    @property
    def higher_is_better(self) -> bool | None:
        return self.column.higher_is_better


@dataclass(frozen=True)
class Cell:
    """A mean and its standard error (NaN for one image), and whether it is the column's best.

    gain: paired difference to the baseline on the same images, as text, in the column that counts. remark: a warning.
    """

    column: Column
    mean: float
    error: float
    best: bool
    gain: str = ""
    remark: str = ""

    @property
    def text(self) -> str:
        return number(self.column, self.mean)

    @property
    def plus_minus(self) -> str:
        return plus_minus(self.column, self.error)


@dataclass(frozen=True)
class Line:
    """One method: its cells by column, and where they come from."""

    method: str
    baseline: bool
    cells: dict[Place, Cell]
    n: str
    seconds: float
    weights: str
    commit: str
    date: str


@dataclass(frozen=True)
class Table:
    """One protocol on one data set. columns: what is compared; details: how it came about; warnings: sentences.

    spec: of the protocol; None where it is not installed any more.
    """

    protocol: str
    spec: ProtocolSpec | None
    dataset: str
    levels: tuple[float | None, ...]
    columns: tuple[Place, ...]
    details: tuple[Place, ...]
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def level_name(self) -> str:
        return self.spec.level if self.spec else "level"


def tables(rows: Sequence[Row]) -> list[Table]:
    """A Table for each protocol and data set among the rows, in their order of appearance."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["protocol"], row["dataset"]), []).append(row)
    return [_table(*group, members) for group, members in groups.items()]


def baselines_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The baselines of the protocols among the rows, each once."""
    specs = map(protocol_of, dict.fromkeys(row["protocol"] for row in rows))
    return tuple(dict.fromkeys(name for spec in specs if spec for name in spec.baselines))


def level_of(level: float | None) -> str:
    """A level as text."""
    return "" if level is None else f"{level:g}" if level % 1 == 0 else f"{level}"


def _table(protocol: str, dataset: str, rows: list[Row]) -> Table:
    spec = protocol_of(protocol)
    found = summarize(rows)
    methods: dict[str, dict[float | None, Summary]] = {}
    for one in found:
        methods.setdefault(one.label, {})[one.level] = one
    levels = tuple(sorted({one.level for one in found}, key=lambda level: -1 if level is None else level))
    judged, details = _columns(found, spec)
    places = tuple(
        Place(column, level, spec is not None and column.name == spec.counts)
        for columns in (judged, details)
        for level in levels
        for column in columns
    )
    comparable = spec is None or spec.comparable
    best = {place: _best(place, methods) if comparable else None for place in places}
    lines = [_line(name, spec, of, places, best, methods, rows) for name, of in methods.items()]
    lines.sort(key=_rank)
    split = len(levels) * len(judged)
    warnings = tuple(_warnings(spec, found, methods))
    return Table(protocol, spec, dataset, levels, places[:split], places[split:], tuple(lines), warnings)


def _rank(line: Line) -> float:
    """What sorts the best in the first column first, and what has no figure last."""
    cell = next(iter(line.cells.values()), None)
    if cell is None or math.isnan(cell.mean):
        return math.inf
    return cell.mean if cell.column.higher_is_better is False else -cell.mean


def _columns(found: list[Summary], spec: ProtocolSpec | None) -> tuple[list[Column], list[Column]]:
    """The columns that compare methods, the one that counts first, and those that tell how these came about."""
    held = dict.fromkeys(value for one in found for value in one.values)
    declared = [spec.counts, *spec.metrics, *(column.name for column in spec.columns)] if spec else []
    columns = [column_of(spec, name) for name in dict.fromkeys([*declared, *held]) if name in held]
    judged = [one for one in columns if spec is None or one.higher_is_better is not None or one.main]
    return judged, [one for one in columns if one not in judged]


def _best(place: Place, methods: Mapping[str, Mapping[float | None, Summary]]) -> float | None:
    summaries = [levels[place.level] for levels in methods.values() if place.level in levels]
    means = [one.values[place.column.name].mean for one in summaries if place.column.name in one.values]
    means = [mean for mean in means if not math.isnan(mean)]
    if len(means) < 2 or place.higher_is_better is None:
        return None
    return max(means) if place.higher_is_better else min(means)


def _line(
    name: str,
    spec: ProtocolSpec | None,
    levels: Mapping[float | None, Summary],
    places: Sequence[Place],
    best: Mapping[Place, float | None],
    methods: Mapping[str, Mapping[float | None, Summary]],
    rows: list[Row],
) -> Line:
    baseline = spec.baseline if spec else ""
    cells = {}
    for place in places:
        summary = levels.get(place.level)
        if summary is None or place.column.name not in summary.values:
            continue
        mean, error, _ = astuple(summary.values[place.column.name])
        gain = _gain(rows, name, baseline, place) if place.counts and baseline in methods and name != baseline else ""
        remark = _remark(spec, place, summary, methods.get(baseline, {}).get(place.level)) if spec else ""
        cells[place] = Cell(place.column, mean, error, mean == best[place], gain, remark)
    counts, commits = (dict.fromkeys(getattr(one, part) for one in levels.values()) for part in ("n", "commit"))
    weights = next(iter(levels.values())).weights or "-"
    seconds = sum(one.seconds for one in levels.values()) / len(levels)
    date = max((str(row.get("date", "")) for row in rows if label_of(row) == name), default="")[:10]
    n = " / ".join(map(str, counts))
    is_baseline = spec is not None and name in spec.baselines
    return Line(name, is_baseline, cells, n, seconds, weights, ", ".join(commits), date)


def _gain(rows: list[Row], name: str, baseline: str, place: Place) -> str:
    """By how much the method is above the baseline on the same images."""
    gain = paired([row for row in rows if row["level"] == place.level], name, baseline, place.column.name)
    sign, error = "+" if gain.mean >= 0 else "", plus_minus(place.column, gain.error)
    return f"Δ {sign}{number(place.column, gain.mean)} {error}".rstrip() if gain.n else ""


def _remark(spec: ProtocolSpec, place: Place, summary: Summary, baseline: Summary | None) -> str:
    """A mark where a guard is out of its bounds, or the level was not realised."""
    name = place.column.name
    mean = summary.values[name].mean
    for guard in spec.guards:
        if guard.column == name:
            base = baseline.values[name].mean if guard.relative and baseline and name in baseline.values else None
            return PACKED if guard.broken(mean / base if base else math.nan if guard.relative else mean) else ""
    if spec.realized in summary.values and place.level is not None and (place.counts or name == spec.realized):
        off = abs(summary.values[spec.realized].mean - place.level)
        return MISSED if off > REACHED * place.level else ""
    return ""


def _warnings(
    spec: ProtocolSpec | None, found: list[Summary], methods: Mapping[str, Mapping[float | None, Summary]]
) -> Iterator[str]:
    missing = [name for name in (spec.baselines if spec else ()) if name not in methods]
    if missing:
        yield f"Missing baselines: {', '.join(missing)}. A score has no scale without them: evaluate them too."
    for level in dict.fromkeys(one.level for one in found):
        counts = {one.label: one.n for one in found if one.level == level}
        if len(counts) < len(methods) or len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} {counts.get(name, 0)}" for name in methods)
            yield f"Not the same images for all methods at {level_of(level)}. Images measured: {listed}."
    for one in found:
        if one.missing:
            images = f"{one.missing} of {one.n + one.missing} images"
            yield f"{one.label} has no values for {images} at {level_of(one.level)}."
