"""What metrics and protocols declare about themselves. Torch-free, as Spec is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgredux.methods.spec import KINDS, NAME, Kind


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """The declaration of a metric of an image against its reference.

    name: lower-case letters, digits, `-`, `_`; equal to the entry point's name.
    target: the function, `"package.module:function"`, imported when it is called for. It takes `(image, reference)`,
        each `(B, C, H, W)` floating in [0, 1], C = 1 or 3, and gives one value per image, `(B,)`.
    label: what tables show; digits: after the point. higher_is_better: None for a figure that only describes.

    Raises ValueError when a field is not of this form.
    """

    name: str
    target: str
    label: str
    digits: int = 3
    higher_is_better: bool | None = True

    def __post_init__(self) -> None:
        _check(self.name, self.target)


@dataclass(frozen=True)
class Column:
    """A column of a protocol's rows that is no registered metric.

    label: what tables show, the name where it is empty. digits: after the point; None: four significant ones.
    higher_is_better: None for a figure that only describes. percent: a share, shown in per cent.
    main: shown beside the columns that judge, although it only describes.
    """

    name: str
    label: str = ""
    digits: int | None = None
    higher_is_better: bool | None = None
    percent: bool = False
    main: bool = False


@dataclass(frozen=True)
class Guard:
    """A column whose mean must be within bounds, or the method is not compared; tables mark such methods.

    least, most: the bounds; None: there is none. relative: bounds are of the ratio to the protocol's `baseline`.
    label: the heading of the table of all data sets; what it shows is the value on the set where it is worst.
    digits: after the point there.
    """

    column: str
    label: str
    least: float | None = None
    most: float | None = None
    relative: bool = False
    digits: int = 2

    def broken(self, value: float) -> bool:
        """Whether a value, or a ratio where it is relative, is out of bounds; NaN is not."""
        return (self.least is not None and value < self.least) or (self.most is not None and value > self.most)

    def worst(self, values: list[float]) -> float:
        """The value nearest to the bound, or farthest beyond it."""
        return min(values) if self.least is not None else max(values)


@dataclass(frozen=True, kw_only=True)
class ProtocolSpec:
    """The declaration of a protocol: what is measured of methods of one kind, and how a report reads the rows.

    name: lower-case letters, digits, `-`, `_`; equal to the entry point's name.
    target: a subclass of `imgredux.protocols.Protocol`, `"package.module:Class"`, imported when it is used.
    kind: of the methods it measures.
    title: for people, in one line.
    level: what the level is, such as "JPEG quality". levels: those measured by default; `(None,)` where there is only
        one.
    log_levels: plots show them on a logarithmic axis. realized: the column that holds the level as it came out; tables
        mark a mean that misses it by more than 0.5 %.
    seeded: whether a seed changes anything.
    without: name of the rows that are measured without a method; empty where there are none.
    metrics: those computed by default, by name; a user may choose among them and all installed metrics. Empty: the
        protocol compares no images, and takes none.
    columns: the other columns of a row, and metrics that are this protocol's own.
    counts: the column by which methods are compared. comparable: a level means the same for every method.
    baselines: methods that stand in every table, so that its figures have a scale. baseline: the one of them that
        differences are taken to. guards: what keeps a method from being compared.
    rate: the column of bits per pixel where levels are points of a rate-distortion curve: reports then say how many
        bytes a method saves on each baseline at equal quality.
    notes: paragraphs of plain text that say how to read the tables; the last one stands under tables in Markdown.

    Raises ValueError when a field is not of this form.
    """

    name: str
    target: str
    kind: Kind
    title: str
    counts: str
    level: str = ""
    levels: tuple[float | None, ...] = (None,)
    log_levels: bool = False
    realized: str = ""
    seeded: bool = False
    without: str = ""
    metrics: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    comparable: bool = True
    baselines: tuple[str, ...] = ()
    baseline: str = ""
    guards: tuple[Guard, ...] = ()
    rate: str = ""
    notes: tuple[str, ...] = ()
    _by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self.name, self.target)
        if self.kind not in KINDS:
            raise ValueError(f"{self.name}: kind {self.kind!r} is none of {', '.join(KINDS)}")
        object.__setattr__(self, "_by_name", {column.name: column for column in self.columns})
        known = {*self.metrics, *self._by_name}
        for what, name in (("counts", self.counts), ("realised", self.realized), ("rate", self.rate)):
            if name and name not in known:
                raise ValueError(f"{self.name}: {what} {name!r} is none of its metrics and columns")
        if self.baseline and self.baseline not in self.baselines:
            raise ValueError(f"{self.name}: baseline {self.baseline!r} is none of its baselines")

    def column(self, name: str) -> Column | None:
        """The column of this name that the protocol declares itself."""
        return self._by_name.get(name)


def _check(name: str, target: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"name {name!r}: use lower-case letters, digits, '-' and '_', a letter first")
    if target.count(":") != 1:
        raise ValueError(f"{name}: target {target!r} is not of the form 'package.module:name'")
