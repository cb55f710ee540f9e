"""Makes the page of method cards at build time: what each method does to one photograph."""

import io
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    "codec": "The photograph above, at a coarse and at a fine setting; the bytes are those of the whole file.",
}
PHOTOGRAPH = "The photograph: *chelsea*, of scikit-image."
QUALITY = 10
CROP = (slice(20, 180), slice(150, 290))
SMALL = (225, 150)


def on_files(files: Any, *, config: Any, **_: Any) -> Any:
    known = runpy.run_path(str(Path(config.docs_dir).parent / "tests" / "methods_page.py"))["known_methods"]()
    pictures: dict[str, Image.Image] = {"photograph": _photo()}
    text = [HEAD]
    for kind in ABOUT:
        text.append(f"## {kind.capitalize()}s\n\n{ABOUT[kind]}\n")
        if kind != "restorer":
            text.append(f"![{PHOTOGRAPH}](cards/photograph.webp)\n\n{PHOTOGRAPH}\n")
        text.append('<div class="grid cards" markdown>\n')
        for name in sorted(name for name in known if known[name].spec.kind == kind):
            drawn = _drawn(known[name])
            if drawn is not None:
                pictures[name] = drawn
            text.append(_card(known[name], drawn))
        text.append("</div>\n")
    files.append(File.generated(config, PAGE, content="\n".join(text)))
    for name in pictures:
        files.append(File.generated(config, f"reference/cards/{name}.webp", content=_webp(pictures[name])))
    return files


def _card(found: Info, drawn: Image.Image | None) -> str:
    spec = found.spec
    lines = [f"-   **`{spec.name}`**", spec.title]
    lines.append(f"![What {spec.name} does](cards/{spec.name}.webp)" if drawn else f"*{_why_not(found)}*")
    lines.append(f"{spec.paper}\n{{ .paper }}")
    return "\n\n    ".join(line.replace("\n", "\n    ") for line in lines) + "\n"


def _why_not(found: Info) -> str:
    if found.untrained:
        return "No picture: it ships no weights. Train it, or give it a file."
    return "No picture: it has an environment of its own."


def _drawn(found: Info) -> Image.Image | None:
    if found.untrained or found.spec.name not in imgredux.list_methods():
        return None
    draw: dict[str, Callable[[Info], Image.Image]] = {"estimator": _heat, "restorer": _restored, "codec": _coded}
    return draw[found.spec.kind](found)


def _heat(found: Info) -> Image.Image:
    return maps.heatmap(imgredux.get(found.spec.name)(np.asarray(_photo())))


def _restored(found: Info) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(data.astronaut()).save(file, "JPEG", quality=QUALITY)
    before = Image.open(file)
    after = imgredux.get(found.spec.name)(Image.open(file))
    both = [np.asarray(image.convert("RGB"))[CROP] for image in (before, after)]
    return Image.fromarray(np.concatenate(both, 1))


def _coded(found: Info) -> Image.Image:
    photo = data.chelsea()
    codec: Any = imgredux.get(found.spec.name)
    settings: list[dict[str, Any]] = [{}]
    if found.spec.knob:
        key, values = found.spec.knob
        settings = [{key: values[1]}, {key: values[-2]}]
    shown = {}
    for setting in settings:
        stream = codec.encode(photo, **setting)
        said = " ".join(f"{key} {value}" for key, value in setting.items()) or "without loss"
        bits = 8 * len(stream) / (photo.shape[0] * photo.shape[1])
        image = np.asarray(imgredux.decode(stream))[60:200, 100:260]
        shown[f"{said}: {len(stream) / 1000:.1f} kB, {bits:.2f} bits/pixel"] = Image.fromarray(image)
    return maps.sheet(shown)


def _photo() -> Image.Image:
    return Image.fromarray(data.chelsea()).resize(SMALL, Image.Resampling.LANCZOS)


def _webp(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=88, method=4)
    return file.getvalue()
