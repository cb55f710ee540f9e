"""The report as one HTML page that loads nothing: style, script, plots and images are inside."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from imgredux._version import __version__
from imgredux.errors import ImgreduxError
from imgredux.evaluate.summary import label_of
from imgredux.gallery import asset, panels
from imgredux.io.jsonl import Row
from imgredux.report.beside import Beside
from imgredux.report.codecs import ABOUT, Savings
from imgredux.report.overall import Standing, about
from imgredux.report.plots import Axis, Series, lines, scatter
from imgredux.report.tables import Line, Place, Table, baselines_of, level_of

if TYPE_CHECKING:
    from markupsafe import Markup

COLORS = 10  # of the style sheet
SHOWING = ("noise.js", "gallery.js")  # scripts of the panels


def page(
    rows: Sequence[Row],
    found: Sequence[Table],
    printed: Mapping[str, Sequence[Beside]],
    shown: Sequence[Mapping[str, Any]],
    overall: Mapping[str, Sequence[Standing]],
    saved: Mapping[str, Sequence[Savings]],
) -> str:
    """The page's HTML. printed, overall (over all data sets), saved (by codecs): by protocol.

    Raises ImgreduxError when jinja2 is missing.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ModuleNotFoundError as error:
        raise ImgreduxError("the page needs jinja2. Install it with: pip install 'imgredux[eval]'") from error
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals.update(level_of=level_of, about=about)
    styles = styles_of(rows)
    return environment.from_string(_text("page.html.jinja")).render(
        style=_markup(_text("page.css") + (asset("panels.css") if shown else "")),
        script=_markup("\n".join([*map(asset, ("theme.js", *(SHOWING if shown else ()))), _text("page.js")])),
        date=datetime.now(UTC).date().isoformat(),
        version=__version__,
        rows=len(rows),
        methods=len(set(map(label_of, rows))),
        protocols={
            name: [(table, _plots(table, styles)) for table in found if table.protocol == name] for name in printed
        },
        printed=printed,
        overall=overall,
        saved={name: [(one, list(map(_markup, one.plots))) for one in ones] for name, ones in saved.items()},
        about_saved=ABOUT,
        panels=_markup(panels()) if shown else "",
        images=_markup(_data(shown)) if shown else "",
    )


def _data(shown: Sequence[Mapping[str, Any]]) -> str:
    """The call that hands the images to the panels' script. No text in it can end the script."""
    photos = [{"name": one["name"], "data": one} for one in shown]
    return f"GALLERY.start({json.dumps({'photos': photos})});".replace("<", "\\u003c")


def styles_of(rows: Sequence[Row]) -> dict[str, str]:
    """The class of the style sheet that colours each method; baselines have none."""
    names = sorted(set(map(label_of, rows)) - set(baselines_of(rows)))
    return {name: f"c{place % COLORS}" for place, name in enumerate(names)}


def _text(name: str) -> str:
    return (files("imgredux.report") / name).read_text("utf-8")


def _markup(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(text)


def _plots(table: Table, styles: Mapping[str, str]) -> list["Markup"]:
    """The column that counts: by level, and at each level by what describes the method."""
    spec = table.spec
    if spec is None or spec.rate:
        return []  # curves stand with the savings
    drawn = []
    main = [place for place in table.columns if place.counts]
    label = main[0].label if main else ""
    series = [_series(line, styles, [(place, place.level or 0) for place in main]) for line in table.lines]
    if len(table.levels) > 1:
        ticks = [place.level or 0 for place in main]
        x = Axis(spec.level, log=spec.log_levels, ticks=ticks, text="{:.3g}".format)
        drawn.append(lines([one for one in series if one.points], x, Axis(label)))
    for place in main:
        y = Axis(f"{label} at {spec.level} {level_of(place.level)}")
        for other in table.columns:
            if other.level == place.level and other.column.main:
                drawn += _scatter(table, styles, place, other, y)
    return [_markup(svg) for svg in drawn]


def _scatter(table: Table, styles: Mapping[str, str], place: Place, by: Place, y: Axis) -> list[str]:
    """One column by another, where there are points."""
    series = []
    for line in table.lines:
        share = line.cells.get(by)
        if share is not None and share.mean > 0:
            series.append(_series(line, styles, [(place, share.mean)]))
    drawn = [one for one in series if one.points]
    x = Axis(by.label, log=True, text=lambda value: f"{100 * value:g} %" if by.column.percent else f"{value:g}")
    return [scatter(drawn, x, y)] if drawn else []


def _series(line: Line, styles: Mapping[str, str], wanted: Sequence[tuple[Place, float]]) -> Series:
    """The points (x, mean, error) of a method, for those columns that it has."""
    points = [(x, line.cells[place].mean, line.cells[place].error) for place, x in wanted if place in line.cells]
    finite = [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]
    return Series(line.method, styles.get(line.method, "yard"), line.baseline, finite)
