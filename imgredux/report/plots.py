"""Plots as inline SVG, drawn by hand: colours come from the page's style sheet, so that they follow light and dark."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 500, 350
LEFT, RIGHT, TOP, BOTTOM = 56, 104, 12, 46
SPACE = 13  # pixels between the lines of text of labels
LETTER = 6.4  # mean width of a letter at that size


@dataclass(frozen=True)
class Series:
    """One method's points (x, y, standard error of y). style: the class that colours it. baseline: drawn dashed."""

    name: str
    style: str
    baseline: bool
    points: Sequence[tuple[float, float, float]]


@dataclass(frozen=True)
class Axis:
    """label; log: logarithmic; ticks: where they are wanted, else at round numbers; text: of a tick."""

    label: str
    log: bool = False
    ticks: Sequence[float] = ()
    text: Callable[[float], str] = "{:g}".format


def lines(series: Sequence[Series], x: Axis, y: Axis) -> str:
    """Points joined by lines, with error bars, each named at its right end."""
    frame = _Frame(series, x, y)
    parts = [*frame.grid()]
    ends = []
    for one in series:
        places = [(frame.x(px), frame.y(py)) for px, py, _ in one.points]
        path = "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in places)
        marks = "".join(
            f"{frame.bar(*point)}{_mark(one, *place)}" for point, place in zip(one.points, places, strict=True)
        )
        parts.append(_group(one, f'<path class="line" d="{path}"/>{marks}'))
        ends.append((places[-1], one))
    parts += _names(ends)
    return _svg(parts, f"{y.label} by {x.label}")


def scatter(series: Sequence[Series], x: Axis, y: Axis) -> str:
    """One point for each method, with the error bar of y, named where there is room for it."""
    frame = _Frame(series, x, y)
    taken: list[tuple[float, float, float, float]] = []
    places = [(frame.x(one.points[0][0]), frame.y(one.points[0][1]), one) for one in series]
    taken += [(px - 6, py - 6, px + 6, py + 6) for px, py, _ in places]
    parts = [*frame.grid()]
    for px, py, one in places:
        name = _beside(one.name, px, py, taken)
        parts.append(_group(one, frame.bar(*one.points[0]) + _mark(one, px, py) + name))
    return _svg(parts, f"{y.label} by {x.label}")


def _group(one: Series, inside: str) -> str:
    points = "; ".join(f"{x:g}: {y:.4g}" for x, y, _ in one.points)
    return (
        f'<g class="series {one.style}{" baseline" if one.baseline else ""}" data-method="{escape(one.name)}">'
        f"<title>{escape(one.name)} ({points})</title>{inside}</g>"
    )


def _svg(parts: Iterable[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


class _Frame:
    """The scales of a plot and what is drawn behind its points."""

    def __init__(self, series: Sequence[Series], x: Axis, y: Axis) -> None:
        self._axes = x, y
        points = [point for one in series for point in one.points]
        highs = [py + (0 if math.isnan(error) else error) for _, py, error in points]
        lows = [py - (0 if math.isnan(error) else error) for _, py, error in points]
        self._span_x = _span([px for px, _, _ in points], x.log)
        self._span_y = _span([*lows, *highs], y.log)

    def x(self, value: float) -> float:
        return LEFT + _share(value, self._span_x, self._axes[0].log) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - _share(value, self._span_y, self._axes[1].log) * (HEIGHT - TOP - BOTTOM)

    def bar(self, px: float, py: float, error: float) -> str:
        """An error bar, of nothing where there is no error."""
        if math.isnan(error):
            return ""
        return f'<path class="bar" d="M{self.x(px):.1f} {self.y(py - error):.1f}V{self.y(py + error):.1f}"/>'

    def grid(self) -> Iterator[str]:
        """Lines, numbers and labels of both axes."""
        x, y = self._axes
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        free = 0.0
        for tick in x.ticks or _ticks(self._span_x, x.log):
            at = self.x(tick)
            yield f'<path class="grid" d="M{at:.1f} {TOP}V{bottom}"/>'
            if at - free >= LETTER * len(x.text(tick)) + 4:  # else it would run into the one before
                free = at
                text = escape(x.text(tick))
                yield f'<text class="tick" x="{at:.1f}" y="{bottom + 17}" text-anchor="middle">{text}</text>'
        for tick in y.ticks or _ticks(self._span_y, y.log):
            at = self.y(tick)
            yield f'<path class="grid" d="M{LEFT} {at:.1f}H{right}"/>'
            yield f'<text class="tick" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{escape(y.text(tick))}</text>'
        middle = (LEFT + right) / 2
        yield f'<text class="label" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x.label)}</text>'
        turned = f'transform="translate(14 {(TOP + bottom) / 2}) rotate(-90)"'
        yield f'<text class="label" {turned} text-anchor="middle">{escape(y.label)}</text>'


def _span(values: Sequence[float], log: bool) -> tuple[float, float]:
    """Lowest and highest value with a margin of 6 %."""
    low, high = min(values), max(values)
    if log:
        low, high = math.log10(low), math.log10(high)
    margin = 0.06 * (high - low) or 0.5
    low, high = low - margin, high + margin
    return (10**low, 10**high) if log else (low, high)


def _share(value: float, span: tuple[float, float], log: bool) -> float:
    low, high, value = (math.log10(one) for one in (*span, value)) if log else (*span, value)
    return (value - low) / (high - low)


def _ticks(span: tuple[float, float], log: bool) -> list[float]:
    low, high = span
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        fine = [part * 10.0**decade for decade in decades for part in (1, 2, 5)]
        return [tick for tick in fine if low <= tick <= high]
    decade = 10.0 ** math.floor(math.log10(high - low))
    step = next(decade * part for part in (0.1, 0.2, 0.5, 1, 2) if (high - low) / (decade * part) <= 7)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _mark(one: Series, x: float, y: float) -> str:
    if one.baseline:
        return f'<path class="mark" d="M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"/>'
    return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="3.6"/>'


def _names(ends: list[tuple[tuple[float, float], Series]]) -> Iterator[str]:
    """Names at the right of the lines' ends, pushed apart where they would overlap."""
    ends = sorted(ends, key=lambda end: end[0][1])
    space = min(SPACE, (HEIGHT - TOP) / max(len(ends), 1))
    heights: list[float] = []
    for (_, y), _ in ends:
        heights.append(max(y, heights[-1] + space) if heights else y)
    limit = float(HEIGHT - BOTTOM)
    for place in reversed(range(len(heights))):
        heights[place] = limit = min(heights[place], limit)
        limit -= space
    for ((x, y), one), height in zip(ends, heights, strict=True):
        left = WIDTH - RIGHT + 16
        lead = f'<path class="lead" d="M{x + 6:.1f} {y:.1f}L{left - 4} {height:.1f}"/>'
        name = f'<text class="name" x="{left}" y="{height + 4:.1f}">{escape(one.name)}</text>'
        yield _group(one, lead + name)


def _beside(name: str, x: float, y: float, taken: list[tuple[float, float, float, float]]) -> str:
    """The name at a free place near the point; none when there is none."""
    wide = LETTER * len(name)
    for dx, dy in (
        (9, 0),
        (-9 - wide, 0),
        (-wide / 2, -13),
        (-wide / 2, 13),
        (7, -11),
        (7, 11),
        (-7 - wide, -11),
        (-7 - wide, 11),
    ):
        box = (x + dx, y + dy - SPACE / 2, x + dx + wide, y + dy + SPACE / 2)
        inside = box[0] > LEFT and box[2] < WIDTH and box[1] > TOP - 8 and box[3] < HEIGHT - BOTTOM
        if inside and not any(
            box[0] < right and left < box[2] and box[1] < bottom and top < box[3] for left, top, right, bottom in taken
        ):
            taken.append(box)
            return f'<text class="name" x="{box[0]:.1f}" y="{y + dy + 4:.1f}">{escape(name)}</text>'
    return ""
