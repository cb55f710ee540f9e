"""The folder of a gallery: the page, and a script for each photograph with everything that is shown of it."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

from imgredux import registry
from imgredux._version import __version__
from imgredux.errors import ImgreduxError
from imgredux.gallery.photos import Photo, encoded, photo
from imgredux.io.files import atomic
from imgredux.io.images import ImageLike
from imgredux.methods.spec import Kind

ASSETS = ("panels.css", "gallery.css", "theme.js", "quest.js", "noise.js", "eyes.js", "gallery.js")
EYES_TAB = (
    '<button type="button" role="tab" id="tab-eyes" aria-controls="eyes" aria-selected="false" tabindex="-1">'
    "Your eyes</button>"
)
QUALITIES = (10, 30)  # of the old JPEGs
DATA, IMAGES, INDEX = "data", "images", "photographs.js"  # the last outside of data: a photograph may be called index


def gallery(
    images: Sequence[ImageLike],
    out: str | PathLike,
    *,
    names: Sequence[str] = (),
    estimators: Sequence[str] | None = None,
    restorers: Sequence[str] | None = None,
    codecs: Sequence[str] | None = None,
    qualities: Sequence[int] = QUALITIES,
    overwrite: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> Path:
    """Write `index.html`, its parts, `data/` and `images/` (the photographs as PNG) into the folder `out`; the page.

    images: photographs, as the contract has them; shown at 768 pixels a side at most, as 8-bit sRGB. names: their
    titles; by default those of the files. estimators, restorers, codecs: names or name.tag; None: all that are
    installed and have weights. qualities: of the JPEGs that restorers mend. progress: called with parts done, all
    parts, and what is done. overwrite: write into a folder that is not empty; files of other names stay.

    A method that fails on a photograph is left out there, with a sentence on the page.
    Raises ImgreduxError: no image, a folder that is not empty, an unknown method, an unreadable image; OSError.
    """
    if not images:
        raise ImgreduxError("a gallery needs at least one photograph")
    maps, menders, coders = _names("estimator", estimators), _names("restorer", restorers), _names("codec", codecs)
    folder = Path(out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())) and not overwrite:
        raise ImgreduxError(f"{folder} is not empty")
    titles = [_title(image, place, names) for place, image in enumerate(images)]
    if len(set(map(_stem, titles))) < len(titles):
        raise ImgreduxError(f"two photographs have one name: {', '.join(sorted(titles))}")
    for part in (DATA, IMAGES):
        (folder / part).mkdir(parents=True, exist_ok=True)
    total = len(images) * (1 + len(maps) + len(menders) + len(coders))
    done = 0

    def step(what: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, what)

    shown = []
    for image, title in zip(images, titles, strict=True):
        made = photo(image, title, maps, menders, coders, qualities, step)
        shown.append(_write(folder, made))
    index = {"version": __version__, "date": datetime.now(UTC).date().isoformat(), "photos": shown}
    _put(folder / INDEX, f"GALLERY.start({json.dumps(index)});\n".encode())
    for name in ASSETS:
        _put(folder / name, asset(name).encode())
    page = asset("index.html").replace("<!--shown-->", panels(EYES_TAB, asset("eyes.html")))
    _put(folder / "index.html", page.encode())
    return folder / "index.html"


def asset(name: str) -> str:
    """A part of the page."""
    return (files("imgredux.gallery") / "assets" / name).read_text("utf-8")


def panels(tabs: str = "", more: str = "") -> str:
    """The tabs and their panels, as HTML; tabs, more: those of the page itself, after them."""
    return asset("panels.html").replace("<!--tabs-->", tabs).replace("<!--panels-->", more)


def _names(kind: Kind, given: Sequence[str] | None) -> list[str]:
    if given is not None:
        for name in given:
            if registry.info(name.partition(".")[0]).spec.kind != kind:
                raise ImgreduxError(f"{name} is no {kind}")
        return list(dict.fromkeys(given))
    found = []
    for name in registry.list_methods(kind):
        info = registry.info(name)
        if not info.untrained and not info.spec.user_weights and (kind != "codec" or info.spec.knob):
            found.append(name)
    return found


def _title(image: ImageLike, place: int, names: Sequence[str]) -> str:
    if place < len(names):
        return names[place]
    return Path(image).stem if isinstance(image, (str, PathLike)) else f"photo {place + 1}"


def _stem(title: str) -> str:
    """The name of a photograph's files."""
    return "".join(c if c.isalnum() else "-" for c in title)


def _write(folder: Path, made: Photo) -> dict[str, Any]:
    """What the index says of a photograph whose parts are written."""
    stem = _stem(made.name)
    _put(folder / IMAGES / f"{stem}.png", encoded(made.pixels, "PNG", optimize=True))
    text = json.dumps(made.shown, separators=(",", ":"))
    _put(folder / DATA / f"{stem}.js", f"GALLERY.photo({text});\n".encode())
    return {"name": made.name, "script": f"{DATA}/{stem}.js"}


def _put(path: Path, data: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(data)
