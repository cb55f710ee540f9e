"""Reports: rows of results and images as one self-contained HTML page and one Markdown file.

    from imgredux.report import report
    report("results.jsonl", "report", images=["kodim05.png"])   # report/index.html, report/table.md

Figures that others printed are in tables of their own, beside ours; `imgredux.evaluate.published` holds it.
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from imgredux.errors import ImgreduxError
from imgredux.evaluate.results import read_rows
from imgredux.evaluate.summary import label_of
from imgredux.io.files import atomic
from imgredux.io.jsonl import Row
from imgredux.report.beside import beside
from imgredux.report.codecs import savings
from imgredux.report.markdown import markdown
from imgredux.report.overall import standings
from imgredux.report.page import page, styles_of
from imgredux.report.pictures import pictures
from imgredux.report.tables import baselines_of, tables

__all__ = ["pictures", "report"]


def report(
    rows_path: str | PathLike,
    out: str | PathLike,
    *,
    images: Sequence[str | PathLike] | None = None,
    methods: Sequence[str] | None = None,
    mse: float = 100.0,
    seed: int = 0,
) -> Path:
    """Write `index.html` and `table.md` into the folder `out` (made if need be, files replaced); the page's path.

    rows_path: a file of `imgredux eval`. images: image files of which a part is shown under what the methods do to it:
    noise, old JPEGs restored, real files.
    methods: names or name.tag to show, None for all that the rows hold; the baselines of their protocols are always
    among them. mse, seed: of the noise on the images, squared grey levels.

    Raises ImgreduxError: no row, a method that no row has, an unreadable image, jinja2 missing; OSError.
    """
    rows = _chosen(read_rows(rows_path), methods, rows_path)
    found = tables(rows)
    specs = {table.protocol: table.spec for table in found if table.spec}
    styles = styles_of(rows)
    printed = {table.protocol: beside(table.protocol, rows) for table in found}
    shown = pictures(list(images or ()), rows, mse, seed)
    overall = {name: standings(spec, rows) for name, spec in specs.items()}
    saved = {name: savings(spec, rows, styles) for name, spec in specs.items()}
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
    baselines = baselines_of(rows)
    return [row for row in rows if not methods or label_of(row) in (*methods, *baselines)]
