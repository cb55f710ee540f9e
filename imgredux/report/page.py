"""The report as one HTML page that loads nothing: style, script, plots and pictures are inside."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

import imgredux
from imgredux.errors import ImgreduxError
from imgredux.evaluate.bd_rate import RD
from imgredux.evaluate.results import Row
from imgredux.maps.visualize import ANCHORS
from imgredux.report.beside import Beside
from imgredux.report.codecs import ABOUT, Savings
from imgredux.report.markdown import OVERALL
from imgredux.report.overall import Standing
from imgredux.report.plots import Axis, Series, lines, scatter
from imgredux.report.sheet import Sheet
from imgredux.report.tables import YARDSTICKS, Column, Line, Table, label_of, level_of, name_of, number

if TYPE_CHECKING:
    from markupsafe import Markup

COLOURS = 10  # of the style sheet
SHARE = Axis("Share of pixels that carry half of the noise power", log=True, text=lambda x: f"{100 * x:g} %")


def page(
    rows: Sequence[Row],
    found: Sequence[Table],
    printed: Mapping[str, Sequence[Beside]],
    shown: Sequence[Sheet],
    overall: Sequence[Standing] = (),
    saved: Sequence[Savings] = (),
) -> str:
    """The page's HTML. printed: by protocol. overall: estimators at equal noise over all data sets; saved: by codecs.

    Raises ImgreduxError when jinja2 is missing.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ModuleNotFoundError as error:
        raise ImgreduxError("the page needs jinja2. Install it with: pip install 'imgredux[eval]'") from error
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.globals.update(name_of=name_of, level_of=level_of, yardsticks=YARDSTICKS)
    styles = styles_of(rows)
    return environment.from_string(_text("page.html.jinja")).render(
        bar=", ".join(f"rgb{colour}" for colour in ANCHORS),
        style=_markup(_text("page.css")),
        script=_markup(_text("page.js")),
        date=datetime.now(UTC).date().isoformat(),
        version=imgredux.__version__,
        rows=len(rows),
        methods=len(set(map(label_of, rows))),
        protocols={
            name: [(table, _plots(table, styles)) for table in found if table.protocol == name] for name in printed
        },
        printed=printed,
        overall=overall,
        about_overall=OVERALL,
        saved={RD: [(one, list(map(_markup, one.plots))) for one in saved]},
        about_saved=ABOUT,
        sheets=[(sheet, _scores(rows, sheet)) for sheet in shown],
    )


def styles_of(rows: Sequence[Row]) -> dict[str, str]:
    """The class of the style sheet that colours each method; yardsticks have none."""
    names = sorted(set(map(label_of, rows)) - set(YARDSTICKS))
    return {name: f"c{place % COLOURS}" for place, name in enumerate(names)}


def _text(name: str) -> str:
    return (files("imgredux.report") / name).read_text("utf-8")


def _markup(text: str) -> "Markup":
    from markupsafe import Markup

    return Markup(text)


def _plots(table: Table, styles: Mapping[str, str]) -> list["Markup"]:
    """The column that counts: by level, and at each level by concentration."""
    if table.protocol == RD:
        return []  # curves stand with the savings
    drawn = []
    main = [column for column in table.columns if column.counts]
    label = name_of(main[0].value) if main else ""
    series = [_series(line, styles, [(column, column.level or 0) for column in main]) for line in table.lines]
    if len(table.levels) > 1:
        x = Axis(
            table.level_name, log=table.equal_mse, ticks=[column.level or 0 for column in main], text="{:.3g}".format
        )
        drawn.append(lines([one for one in series if one.points], x, Axis(label)))
    for column in main:
        by_share = []
        for line in table.lines:
            share = line.cells.get(Column("concentration", column.level, "", False))
            if share is not None and share.mean > 0:
                by_share.append(_series(line, styles, [(column, share.mean)]))
        if any(one.points for one in by_share):
            y = Axis(f"{label} at {table.level_name} {level_of(column.level)}")
            drawn.append(scatter([one for one in by_share if one.points], SHARE, y))
    return [_markup(svg) for svg in drawn]


def _series(line: Line, styles: Mapping[str, str], wanted: Sequence[tuple[Column, float]]) -> Series:
    """The points (x, mean, error) of a method, for those columns that it has."""
    points = [(x, line.cells[column].mean, line.cells[column].error) for column, x in wanted if column in line.cells]
    finite = [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]
    return Series(line.method, styles.get(line.method, "yard"), line.yardstick, finite)


def _scores(rows: Sequence[Row], sheet: Sheet) -> dict[str, str]:
    """What the rows say of the sheet's picture, by method, as text.

    A row is of this very picture, not of a namesake or a smaller version, if its phi is that of the sheet.
    """
    phis = {one.method: one.phi for one in sheet.methods}
    stem = sheet.name.rpartition(".")[0] or sheet.name
    about = [row for row in rows if (row["image"], row["level"], row["seed"]) == (stem, sheet.mse, sheet.seed)]
    return {
        label_of(row): " · ".join(
            f"{name_of(value)} {number(value, row['values'][value])}"
            for value in ("ssimulacra2", "ssim", "lpips", "concentration")
            if row["values"].get(value) is not None
        )
        for row in about
        if math.isclose(row["values"].get("phi") or 0, phis.get(label_of(row), -1), rel_tol=1e-3)
    }
