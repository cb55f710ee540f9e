"""A folder of many kinds of files, what `imgredux optimize` makes of each, and what lossless tools make of it by hand.

    python -m tests.campaigns.kinds [--formats keep web]

The files are made by code of scikit-image's pictures. By hand: oxipng (level 4), libwebp (lossless, method 6), libjxl
(lossless, and of a JPEG its transcoding) and mozjpeg's optimization of scans, by their Python bindings.
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

from imgredux.batch import engine
from imgredux.batch.optimize import Optimize
from imgredux.io import profiles
from imgredux.io.repacking import as_jxl, repacked


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def files() -> dict[str, bytes]:
    photo = Image.fromarray(data.stereo_motorcycle()[0])
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "camera maker", 6
    p3 = profiles.profile_of(None, profiles.PRIMARIES[12])
    camera = saved(photo, "JPEG", quality=94, exif=exif, icc_profile=p3)
    logo = Image.new("RGBA", (480, 320))
    draw = ImageDraw.Draw(logo)
    draw.ellipse((30, 30, 290, 290), fill=(200, 30, 30, 255))
    draw.rectangle((230, 90, 450, 230), fill=(20, 60, 200, 128))
    screen = Image.new("RGB", (1280, 800), (250, 250, 252))
    draw = ImageDraw.Draw(screen)
    for row in range(40):
        draw.text(
            (40, 20 * row),
            f"{row:3d}  a line of text in a window, as a screen has it: {row * 7919 % 1000}",
            (30, 30, 40),
        )
    screen.paste(photo.resize((370, 250)), (860, 60))
    palette = Image.fromarray(data.coffee()).quantize(32)
    frames = [Image.fromarray(data.camera()[:160, shift : shift + 160]) for shift in (0, 40, 80)]
    return {
        "camera, P3, turned.jpg": camera,
        "web, quality 60.jpg": saved(photo, "JPEG", quality=60),
        "optimized already.jpg": repacked(saved(photo, "JPEG", quality=75)) or b"",
        "photograph.png": saved(photo, "PNG"),
        "screen.png": saved(screen, "PNG"),
        "logo with alpha.png": saved(logo, "PNG"),
        "palette, transparent.png": saved(palette, "PNG", transparency=0),
        "16 bits.png": saved(Image.fromarray(data.camera().astype(np.uint16) * 251), "PNG"),
        "animated.gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "photograph.webp": saved(photo, "WEBP", quality=95),
    }


def by_hand(content: bytes) -> dict[str, int]:
    """Bytes of lossless files, by tool."""
    import oxipng

    with Image.open(io.BytesIO(content)) as image:
        image.load()
        form, frames = image.format, getattr(image, "n_frames", 1)
        plain = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGBA")
    if frames > 1:
        return {}
    if form == "JPEG":
        tools: dict[str, Callable[[], bytes | None]] = {
            "mozjpeg": lambda: repacked(content),
            "cjxl": lambda: as_jxl(content),
        }
    elif form == "PNG":
        tools = {"oxipng": lambda: oxipng.optimize_from_memory(content, level=4)}
        if image.mode in ("L", "RGB", "RGBA", "P"):
            tools["cwebp"] = lambda: saved(plain, "WEBP", lossless=True, quality=100, method=6, exact=True)
            tools["cjxl"] = lambda: saved(plain, "JXL", lossless=True)
    else:
        return {}
    return {tool: len(found) for tool, make in tools.items() if (found := make()) is not None}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.kinds")
    parser.add_argument("--formats", nargs="+", default=["keep", "web"])
    chosen = parser.parse_args()
    print(f"| file | bytes | {' | '.join(chosen.formats)} | without a loss, by hand |")
    print("|" + "---|" * (len(chosen.formats) + 3))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        for name, content in files().items():
            (folder / name).write_bytes(content)
        cells: dict[str, list[str]] = {name: [] for name in files()}
        for formats in chosen.formats:
            for done in engine.run(Optimize(formats=formats), [folder], Path(place, formats), jobs=1):
                facts = done.facts
                if "kept" in facts:
                    text = f"kept: {facts['kept']}"
                else:
                    how = "lossless" if facts["lossless"] else f"{facts['score']:.1f}, worst {facts['worst']:.1f}"
                    text = f"{facts['after']} {facts['form']} ({how})"
                cells[done.input.name].append(text)
        for name, content in files().items():
            hand = ", ".join(f"{tool} {size}" for tool, size in by_hand(content).items()) or "none"
            print(f"| {name} | {len(content)} | {' | '.join(cells[name])} | {hand} |")


if __name__ == "__main__":
    main()
