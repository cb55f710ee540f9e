"""Rows of results as the tables of a report: what the page and the Markdown file both show."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

from imgredux.evaluate.results import Row
from imgredux.evaluate.summary import Summary, label, paired, summarise
from imgredux.protocols.equal_mse import PEAK, SPREAD

EQUAL_MSE = "jnd-equal-mse"
YARDSTICKS = ("flat", "localstd", "localstd15", "concentrated")
REACHED = 0.005  # of the target MSE: a mean that is farther off is said to be
# Label, digits after the point, and of what else the name says nothing; others are shown as they are, to 4 digits.
LABELS = {
    "ssimulacra2": ("SSIMULACRA2", 2),
    "ssim": ("SSIM", 4),
    "ssim_box8": ("SSIM 8x8 box", 4),
    "lpips": ("LPIPS", 4),
    "concentration": ("Concentration", 1),
    "psnr": ("PSNR", 3),
    "ms_ssim": ("MS-SSIM", 4),
    "bpp": ("bits per pixel", 3),
    "knob": ("knob", 2),
    "psnr_b": ("PSNR-B", 3),
    "psnr_b_bgr": ("PSNR-B, R and B swapped", 3),
    "phi": ("φ", 3),
    "mse": ("MSE", 3),
    "peak": ("Peak / rms", 2),
    "reached": ("MSE reached", 1),
    "inside": ("Inside the observers' range", 1),
    "quality": ("JPEG quality", 1),
    "low": ("Observers' lowest", 1),
    "high": ("Observers' highest", 1),
}
SHARES = ("concentration", "reached", "inside")  # shown in per cent


@dataclass(frozen=True)
class Column:
    """One value at one level. better: "higher", "lower" or "", not judged. counts: methods are compared by it."""

    value: str
    level: float | None
    better: str
    counts: bool

    @property
    def label(self) -> str:
        return name_of(self.value)


@dataclass(frozen=True)
class Cell:
    """A mean and its standard error (NaN for one image), and whether it is the column's best.

    gain: paired difference to `localstd` on the same images, as text, in the column that counts. remark: a warning.
    """

    value: str
    mean: float
    error: float
    best: bool
    gain: str = ""
    remark: str = ""

    @property
    def text(self) -> str:
        return number(self.value, self.mean)

    @property
    def plus_minus(self) -> str:
        return plus_minus(self.value, self.error)


@dataclass(frozen=True)
class Line:
    """One method: its cells by column, and where they come from."""

    method: str
    yardstick: bool
    cells: dict[Column, Cell]
    n: str
    seconds: float
    weights: str
    commit: str
    date: str


@dataclass(frozen=True)
class Table:
    """One protocol on one data set. columns: what is compared; details: how it came about; warnings: sentences."""

    protocol: str
    dataset: str
    level_name: str
    levels: tuple[float | None, ...]
    columns: tuple[Column, ...]
    details: tuple[Column, ...]
    lines: tuple[Line, ...]
    warnings: tuple[str, ...]

    @property
    def equal_mse(self) -> bool:
        return self.protocol == EQUAL_MSE


def tables(rows: Sequence[Row]) -> list[Table]:
    """A Table for each protocol and data set among the rows, in their order of appearance."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["protocol"], row["dataset"]), []).append(row)
    return [_table(*group, members) for group, members in groups.items()]


def label_of(row: Row) -> str:
    """The method of a row, with the tag of its weights."""
    return label(row["method"], row["weights"])


def name_of(value: str) -> str:
    """The label of a value."""
    return LABELS[value][0] if value in LABELS else value


def level_of(level: float | None) -> str:
    """A level as text."""
    return "" if level is None else f"{level:g}" if level % 1 == 0 else f"{level}"


def number(value: str, x: float) -> str:
    """A figure of this value as text, NaN as a dash."""
    if math.isnan(x):
        return "-"
    if value in SHARES:
        return f"{100 * x:.{LABELS[value][1]}f} %"
    return f"{x:.{LABELS[value][1]}f}" if value in LABELS else f"{x:.4g}"


def _table(protocol: str, dataset: str, rows: list[Row]) -> Table:
    from imgredux.protocols import PROTOCOLS

    known = PROTOCOLS.get(protocol)
    better = known.columns if known else {}
    found = summarise(rows)
    methods: dict[str, dict[float | None, Summary]] = {}
    for one in found:
        methods.setdefault(one.label, {})[one.level] = one
    levels = tuple(sorted({one.level for one in found}, key=lambda level: -1 if level is None else level))
    judged, details = _values(found, better, known.counts if known else "")
    columns = tuple(
        Column(value, level, better.get(value, ""), bool(known and value == known.counts))
        for values in (judged, details)
        for level in levels
        for value in values
    )
    comparable = known is None or known.comparable
    best = {column: _best(column, methods) if comparable else None for column in columns}
    dates = {label_of(row): str(row.get("date", ""))[:10] for row in sorted(rows, key=lambda row: row.get("date", ""))}
    lines = [
        _line(name, of, columns, best, methods.get("localstd", {}), rows, dates[name]) for name, of in methods.items()
    ]
    lines.sort(key=lambda line: _descending(next((cell.mean for cell in line.cells.values()), math.nan)))
    split = len(levels) * len(judged)
    warnings = tuple(_warnings(protocol, found, methods))
    name = known.level if known else "level"
    return Table(protocol, dataset, name, levels, columns[:split], columns[split:], tuple(lines), warnings)


def _descending(x: float) -> float:
    return math.inf if math.isnan(x) else -x


def _values(found: list[Summary], better: Mapping[str, str], counts: str) -> tuple[list[str], list[str]]:
    """The values that compare methods, the one that counts first, and those that tell how these came about."""
    values = dict.fromkeys(value for one in found for value in one.values)
    order = [counts, *better, *values]
    judged = [value for value in values if value not in better or better[value] or value == "concentration"]
    return sorted(judged, key=order.index), [value for value in values if value not in judged]


def _best(column: Column, methods: Mapping[str, Mapping[float | None, Summary]]) -> float | None:
    summaries = [levels[column.level] for levels in methods.values() if column.level in levels]
    means = [one.values[column.value].mean for one in summaries if column.value in one.values]
    means = [mean for mean in means if not math.isnan(mean)]
    if len(means) < 2 or not column.better:
        return None
    return max(means) if column.better == "higher" else min(means)


def _line(
    name: str,
    levels: Mapping[float | None, Summary],
    columns: Sequence[Column],
    best: Mapping[Column, float | None],
    yardstick: Mapping[float | None, Summary],
    rows: list[Row],
    date: str,
) -> Line:
    cells = {}
    for column in columns:
        summary = levels.get(column.level)
        if summary is None or column.value not in summary.values:
            continue
        mean, error, _ = astuple(summary.values[column.value])
        gain = _gain(rows, name, column) if column.counts and yardstick and name != "localstd" else ""
        remark = _remark(column, summary, yardstick.get(column.level))
        cells[column] = Cell(column.value, mean, error, mean == best[column], gain, remark)
    counts, commits = (dict.fromkeys(getattr(one, part) for one in levels.values()) for part in ("n", "commit"))
    weights = next(iter(levels.values())).weights or "-"
    seconds = sum(one.seconds for one in levels.values()) / len(levels)
    n = " / ".join(map(str, counts))
    return Line(name, name in YARDSTICKS, cells, n, seconds, weights, ", ".join(commits), date)


def plus_minus(value: str, error: float) -> str:
    """A standard error as text, empty where there is none."""
    return "" if math.isnan(error) else "±" + number(value, error).removesuffix(" %")


def _gain(rows: list[Row], name: str, column: Column) -> str:
    """By how much the method is above localstd on the same images."""
    gain = paired([row for row in rows if row["level"] == column.level], name, "localstd", column.value)
    sign, error = "+" if gain.mean >= 0 else "", plus_minus(column.value, gain.error)
    return f"Δ {sign}{number(column.value, gain.mean)} {error}".rstrip() if gain.n else ""


def _remark(column: Column, summary: Summary, yardstick: Summary | None) -> str:
    mean = summary.values[column.value].mean
    if column.value == "concentration" and yardstick and "concentration" in yardstick.values:
        return "†" if mean < SPREAD * yardstick.values["concentration"].mean else ""
    if column.value == "peak":
        return "†" if mean > PEAK else ""
    if (column.value == "mse" or column.counts) and "mse" in summary.values and column.level is not None:
        return "‡" if abs(summary.values["mse"].mean - column.level) > REACHED * column.level else ""
    return ""


def _warnings(
    protocol: str, found: list[Summary], methods: Mapping[str, Mapping[float | None, Summary]]
) -> Iterator[str]:
    missing = [name for name in YARDSTICKS if name not in methods]
    if protocol.startswith("jnd") and missing:
        yield f"Missing yardsticks: {', '.join(missing)}. A score has no scale without them: evaluate them too."
    for level in dict.fromkeys(one.level for one in found):
        counts = {one.label: one.n for one in found if one.level == level}
        if len(counts) < len(methods) or len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} {counts.get(name, 0)}" for name in methods)
            yield f"Not the same images for all methods at {level_of(level)}. Images measured: {listed}."
    for one in found:
        if one.missing:
            images = f"{one.missing} of {one.n + one.missing} images"
            yield f"{one.label} has no values for {images} at {level_of(one.level)}."
