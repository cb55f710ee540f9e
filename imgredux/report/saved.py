"""What `imgredux optimize` did, as one HTML page that loads nothing: worst files first, each at its worst place.

The original and the new file are shown there pixel by pixel, under a slider and in turn. Imports no torch of its own.
"""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.batch.outputs import FileResult
from imgredux.batch.record import NOW
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from PIL import Image

SHOWN = 40  # files whose worst place is shown


def page(results: Sequence[FileResult], title: str = "Smaller files") -> str:
    """The page of the results of a run, for as long as their files are where they say."""
    done = sorted((one for one in results if one.error is None and one.left_out is None and one.facts), key=_order)
    before, after = (sum(one.facts[key] for one in done) for key in ("before", "after"))
    seen = [one for one in done if one.facts.get("worst_at")]
    shown = "\n".join(filter(None, map(_compared, seen[:SHOWN])))
    table = "\n".join(map(_row, done))
    failed = [f"<li>{html.escape(str(one.input))}: {html.escape(one.error)}</li>" for one in results if one.error]
    style = (files("imgredux.report") / "page.css").read_text("utf-8")
    script = (files("imgredux.report") / "saved.js").read_text("utf-8")
    more = f"<h2>Failed</h2><ul>{''.join(failed)}</ul>" if failed else ""
    what = f"{len(done)} files: {_size(before)} to {_size(after)} ({_percent(before, after)})"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{html.escape(title)}</title><style>{style}</style></head><body>
<div class="top"><div><h1>{html.escape(title)}</h1><p class="meta">{what}</p></div></div>
<main>
<h2>Worst places first</h2>
<p class="meta">The 512 pixels of each file with the lowest SSIMULACRA 2, as they are.
Drag to compare; hold B, or the button, to see the original.</p>
{shown or "<p>No file was changed visibly: every new file is lossless, or none was made.</p>"}
<h2>All files</h2>
<table><thead><tr><th>file</th><th>before</th><th>after</th><th></th><th>format</th><th>score</th><th>worst</th><th></th>
</tr></thead>
<tbody>{table}</tbody></table>
{more}
</main><script>{script}</script></body></html>
"""


def _order(one: FileResult) -> tuple[float, float]:
    return one.facts.get("worst", 101.0), one.facts["after"] / max(one.facts["before"], 1)


def _row(one: FileResult) -> str:
    facts = one.facts
    why = facts.get("kept") or ("without a loss" if facts.get("lossless") else "")
    figures = [f"{facts[key]:.1f}" if key in facts else "" for key in ("score", "worst")]
    cells = [
        html.escape(str(one.input)),
        _size(facts["before"]),
        _size(facts["after"]),
        _percent(facts["before"], facts["after"]),
        html.escape(str(facts.get("form", ""))),
        *figures,
        html.escape(why),
    ]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _compared(one: FileResult) -> str:
    """A file's worst place under a slider; nothing where its files cannot be read any more."""
    left, top, right, bottom = box = tuple(one.facts["worst_at"])
    original, new = _files(one)
    try:
        pair = [_data_uri(path, box) for path in (original, new)]
    except (ImgreduxError, OSError):
        return ""
    width, height = right - left, bottom - top
    facts = _figures(one.facts)
    return f"""<section><h3>{html.escape(str(one.input))} <small>{facts}</small></h3>
<div class="exact"><div class="compare" style="--w:{width}px">
<div class="slider" style="aspect-ratio:{width}/{height};max-width:{width}px">
<img src="{pair[0]}" alt="original"><img class="over" src="{pair[1]}" alt="new">
<span class="tag">original</span><span class="tag right">new</span>
<input type="range" min="0" max="100" value="50" aria-label="where the new file begins"></div>
<button class="blink" type="button">blink</button></div></div></section>"""


def _figures(facts: Mapping[str, Any]) -> str:
    change = _percent(facts["before"], facts["after"])
    scores = f"SSIMULACRA 2 {facts['score']:.1f}, here {facts['worst']:.1f}"
    return f"{_size(facts['before'])} to {_size(facts['after'])} {html.escape(facts['form'])} ({change}); {scores}"


def _files(one: FileResult) -> tuple[Path, Path]:
    """The original and the new file; of a photograph that was replaced, its copy is the original."""
    return (one.outputs[0], one.input) if NOW in one.facts else (one.input, one.outputs[0])


def _data_uri(path: Path, box: tuple[int, int, int, int]) -> str:
    image = _seen(path).crop(box)
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=True, method=2)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def _seen(path: Path) -> "Image.Image":
    from imgredux.io import decoding
    from imgredux.io.opening import UNBOUNDED
    from imgredux.methods.filecodec import as_written

    return as_written(decoding.open_image(path, max_pixels=UNBOUNDED))


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def _percent(before: int, after: int) -> str:
    return f"{100 * (after / max(before, 1) - 1):+.1f} %"
