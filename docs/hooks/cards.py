"""Makes the page of method cards at build time: what each method does to one photograph."""

import io
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mkdocs.structure.files import File
from PIL import Image
from skimage import data

import imgredux
from imgredux import maps
from imgredux.registry import Info

PAGE = "reference/cards.md"
HEAD = """# Method cards

One card for each method, with what it does to one photograph. The pictures are made anew whenever this site is built.
[Methods](methods.md) has the licenses, the weights and the knobs.

"""
ABOUT = {
    "estimator": "A map is bright where a change is hard to see. The brightest color is the map's 99.5th percentile.",
    "restorer": "Left: a crop of a JPEG of quality 10. Right: the same crop, restored.",
    "codec": "A crop at a coarse and at a fine setting. The bytes are those of the whole photograph, 451x300 pixels.",
}
PHOTOGRAPH = "The photograph: *chelsea*, of scikit-image."
QUALITY = 10
CROP = (slice(20, 180), slice(150, 290))
EYE = (slice(60, 200), slice(110, 250))
SMALL = (225, 150)


class Drawn(NamedTuple):
    """A picture, and what is said beneath it."""

    image: Image.Image
    said: str = ""


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    page = runpy.run_path(str(Path(config.docs_dir).parent / "tests" / "methods_page.py"))
    known, plugins = page["known_methods"](), page["INSTALLABLE"]
    pictures: dict[str, Image.Image] = {"photograph": _photo()}
    text = [HEAD]
    for kind in ABOUT:
        text.append(f"## {kind.capitalize()}s\n\n{ABOUT[kind]}\n")
        if kind == "estimator":
            text.append(f"![{PHOTOGRAPH}](cards/photograph.webp)\n\n{PHOTOGRAPH}\n")
        text.append('<div class="grid cards" markdown>\n')
        for name in sorted(name for name in known if known[name].spec.kind == kind):
            drawn = _drawn(known[name])
            if drawn is not None:
                pictures[name] = drawn.image
            text.append(_card(known[name], plugins[name].removeprefix("imgredux-"), drawn))
        text.append("</div>\n")
    files.append(File.generated(config, PAGE, content="\n".join(text)))
    for name, image in pictures.items():
        files.append(File.generated(config, f"reference/cards/{name}.webp", content=_webp(image)))
    return files


def _card(found: Info, plugin: str, drawn: Drawn | None) -> str:
    spec = found.spec
    lines = [f"-   **[`{spec.name}`](../../plugins/{plugin})**", spec.title]
    lines.append(f"![What {spec.name} does](cards/{spec.name}.webp)" if drawn else f"*{_why_not(found)}*")
    if drawn and drawn.said:
        lines.append(drawn.said)
    lines.append(f"{spec.paper}\n{{ .paper }}")
    return "\n\n    ".join(line.replace("\n", "\n    ") for line in lines) + "\n"


def _why_not(found: Info) -> str:
    if found.untrained:
        return "No picture: it ships no weights. Train it, or give it a file."
    return "No picture: it has an environment of its own."


def _drawn(found: Info) -> Drawn | None:
    if found.untrained or found.spec.name not in imgredux.list_methods():
        return None
    draw: dict[str, Callable[[Info], Drawn]] = {"estimator": _heat, "restorer": _restored, "codec": _coded}
    return draw[found.spec.kind](found)


def _heat(found: Info) -> Drawn:
    return Drawn(maps.heatmap(imgredux.get(found.spec.name)(np.asarray(_photo()))))


def _restored(found: Info) -> Drawn:
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", quality=QUALITY)
    before = Image.open(file)
    after = imgredux.get(found.spec.name)(Image.open(file))
    both = [np.asarray(image.convert("RGB"))[CROP] for image in (before, after)]
    return Drawn(Image.fromarray(np.concatenate(both, 1)))


def _coded(found: Info) -> Drawn:
    photo = data.chelsea()
    codec: Any = imgredux.get(found.spec.name)
    settings: list[dict[str, Any]] = [{}]
    if found.spec.knob:
        key, values = found.spec.knob
        settings = [{key: values[1]}, {key: values[-2]}]
    crops, said = [], []
    for setting in settings:
        stream = codec.encode(photo, **setting)
        named = " ".join(f"{key} {value}" for key, value in setting.items()) or "without loss"
        bits = 8 * len(stream) / (photo.shape[0] * photo.shape[1])
        said.append(f"{named}: {len(stream) / 1000:.1f} kB, {bits:.2f} bits per pixel")
        crops.append(np.asarray(imgredux.decode(stream))[EYE])
    return Drawn(Image.fromarray(np.concatenate(crops, 1)), "; ".join(said))


def _photo() -> Image.Image:
    return Image.fromarray(data.chelsea()).resize(SMALL, Image.Resampling.LANCZOS)


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=88, method=4)
    return file.getvalue()
