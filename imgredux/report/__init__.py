"""Reports: rows of results and pictures as one self-contained HTML page and one Markdown file.

    from imgredux.report import report
    report("results.jsonl", "report", pictures=["kodim05.png"])   # report/index.html, report/table.md

What others printed stands in tables of its own, beside ours; `imgredux.evaluate.published` holds it.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from imgredux.errors import ImgreduxError
from imgredux.evaluate.results import Row, read_rows
from imgredux.io.files import atomic
from imgredux.report.beside import beside
from imgredux.report.codecs import savings
from imgredux.report.markdown import markdown
from imgredux.report.overall import standings
from imgredux.report.page import page, styles_of
from imgredux.report.sheet import sheets
from imgredux.report.tables import EQUAL_MSE, YARDSTICKS, label_of, tables

__all__ = ["report", "sheets"]


def report(
    rows_path: str | PathLike,
    out: str | PathLike,
    *,
    pictures: Sequence[str | PathLike] | None = None,
    methods: Sequence[str] | None = None,
    mse: float = 100.0,
    seed: int = 0,
) -> Path:
    """Write `index.html` and `table.md` into the folder `out` (made if need be, files replaced); the page's path.

    rows_path: a file of `imgredux eval`. pictures: image files shown under the noise of each estimator.
    methods: names or name.tag to show, None for all that the rows hold; the yardsticks `flat`, `localstd`, `localstd15`
    and `concentrated` are always among them. mse, seed: of the noise on the pictures, squared grey levels.

    Raises ImgreduxError: no row, a method that no row has, an unreadable picture, jinja2 missing; OSError.
    """
    rows = _chosen(read_rows(rows_path), methods, rows_path)
    found = tables(rows)
    printed = {table.protocol: beside(table.protocol, rows) for table in found}
    shown = [sheets(Path(picture), _estimators(rows), mse, seed) for picture in pictures or ()]
    overall = standings(rows)
    saved = savings(rows, styles_of(rows))
    texts = {
        "index.html": page(rows, found, printed, shown, overall, saved),
        "table.md": markdown(found, printed, overall, saved),
    }
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        with atomic(Path(out) / name) as temporary:
            temporary.write_text(text, "utf-8")
    return Path(out) / "index.html"


def _chosen(rows: list[Row], methods: Sequence[str] | None, path: str | PathLike) -> list[Row]:
    held = dict.fromkeys(map(label_of, rows))
    missing = [name for name in methods or () if name not in held]
    if not rows or missing:
        what = f"no row of {', '.join(missing)}" if missing else "no row"
        raise ImgreduxError(f"{path}: holds {what}. It has: {', '.join(held) or 'nothing'}. Run imgredux eval first")
    return [row for row in rows if not methods or label_of(row) in (*methods, *YARDSTICKS)]


def _estimators(rows: list[Row]) -> list[str]:
    """What is drawn on pictures: the estimators among the rows, in their order, then the yardsticks."""
    names = dict.fromkeys(label_of(row) for row in rows if row["protocol"] == EQUAL_MSE)
    return [*(name for name in names if name not in YARDSTICKS), *YARDSTICKS]
