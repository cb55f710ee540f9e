"""What `auto` and the programs of others make of JPEGs as they come: dB over the file, in RGB, luma and chroma.

    python -m tests.benchmarks.restorer_peers --photos DIR --screens DIR [--methods auto auto=60 slidingdct]
        [--jpegqs PROGRAM] [--knusperli PROGRAM] [--ffmpeg PROGRAM] [--count 6] [-o TABLE.md]

The middles of the images of both folders, a page of colored code and pixel art that are made here; each as it comes:
JPEG of several qualities, 4:2:0 and 4:4:4, saved twice, cut in between, with a foreign table, as a PNG copy of the
pixels, made smaller. A program reads the file and nothing else; where a cell is empty, it cannot read such a file.
auto=60 is told that the quality is 60. jpeg-quantsmooth runs with -q 6, its best; ffmpeg's spp with quality 6 and the
steps that it reads from the file.
"""

import argparse
import io
import subprocess
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

import imgredux
from imgredux import dispatch, ops
from imgredux.io.finding import find_images
from imgredux.metrics import psnr

CROP = (640, 448)
# The table that Photoshop writes at "quality 6 of 12" is steeper than the IJG's; this is one like it.
FOREIGN = [
    [int(np.clip(3 + 2.2 * (u + v) + 0.5 * (u * v), 1, 255)) for v in range(8) for u in range(8)],
    [int(np.clip(4 + 4.5 * (u + v), 1, 255)) for v in range(8) for u in range(8)],
]
MOST = 60.0  # dB: beyond it images are as good as equal
Files = tuple[Image.Image, bytes]  # the original, and the file that came


def saved(image: Image.Image, **options: object) -> bytes:
    held = io.BytesIO()
    image.save(held, options.pop("format", "JPEG"), **options)  # pyright: ignore[reportArgumentType]
    return held.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _quality(q: int, subsampling: int = 2) -> Callable[[Image.Image], Files]:
    return lambda image: (image, saved(image, quality=q, subsampling=subsampling))


def _copy(image: Image.Image) -> Files:
    box = (5, 3, image.width, image.height)
    return image.crop(box), saved(opened(saved(image, quality=20)).crop(box), format="PNG")


def _twice(image: Image.Image) -> Files:
    return image, saved(opened(saved(image, quality=15)), quality=75)


def _shifted(image: Image.Image) -> Files:
    box = (4, 4, image.width, image.height)
    return image.crop(box), saved(opened(saved(image, quality=15)).crop(box), quality=75)


def _foreign(image: Image.Image) -> Files:
    return image, saved(image, qtables=FOREIGN)


def _smaller(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    size = (image.width * 3 // 4, image.height * 3 // 4)
    damaged = opened(saved(image, quality=20)).resize(size, Image.Resampling.BICUBIC)
    return image.resize(size, Image.Resampling.BICUBIC), damaged


def _smaller_png(image: Image.Image) -> Files:
    original, damaged = _smaller(image)
    return original, saved(damaged, format="PNG")


def _smaller_again(image: Image.Image) -> Files:
    original, damaged = _smaller(image)
    return original, saved(damaged, quality=85)


KINDS: dict[str, Callable[[Image.Image], Files]] = {
    "quality 5": _quality(5),
    "quality 10": _quality(10),
    "quality 30": _quality(30),
    "quality 60": _quality(60),
    "quality 85": _quality(85),
    "quality 30, 4:4:4": _quality(30, 0),
    "PNG copy, cut": _copy,
    "15, again at 75": _twice,
    "15, cut, again at 75": _shifted,
    "foreign table": _foreign,
    "20, smaller, PNG": _smaller_png,
    "20, smaller, again at 85": _smaller_again,
}


def code_page() -> Image.Image:
    """Colored text on a dark ground, as an editor shows it."""
    image = Image.new("RGB", CROP, (30, 30, 46))
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(2)
    colors = [(203, 166, 247), (137, 180, 250), (166, 227, 161), (250, 179, 135), (205, 214, 244), (243, 139, 168)]
    words = ["def", "return", "image", "self.value", "= 0.25", "# steps", '"quality"', "for i in range(8):", "None"]
    for y in range(6, CROP[1], 14):
        x = 8 + 24 * int(rng.integers(0, 4))
        for _ in range(int(rng.integers(2, 7))):
            word = words[rng.integers(0, len(words))]
            draw.text((x, y), word, fill=colors[rng.integers(0, len(colors))])
            x += 7 * len(word) + 8
    return image


def pixel_art(scale: int) -> Image.Image:
    """Sprites of few colors, each pixel `scale` times as large as it was."""
    rng = np.random.default_rng(3)
    palette = rng.integers(0, 256, (12, 3)).astype(np.uint8)
    small = np.zeros((CROP[1] // 8, CROP[0] // 8), int)
    for _ in range(40):
        y, x, h, w = (int(rng.integers(0, limit)) for limit in (small.shape[0], small.shape[1], 14, 14))
        half = rng.integers(0, 12, (h + 1, w // 2 + 1))
        sprite = np.concatenate([half, half[:, ::-1]], 1)[: small.shape[0] - y, : small.shape[1] - x]
        small[y : y + sprite.shape[0], x : x + sprite.shape[1]] = sprite
    size = small.shape[1] * scale, small.shape[0] * scale
    return Image.fromarray(palette[small]).resize(size, Image.Resampling.NEAREST).crop((0, 0, *CROP))


def middles(folder: Path, count: int) -> Iterator[Image.Image]:
    files = find_images([folder])
    for path in files[:: max(len(files) // count, 1)][:count]:
        with Image.open(path) as image:
            whole = image.convert("RGB")
        width, height = (min(a, b) for a, b in zip(whole.size, CROP, strict=True))
        left, top = (whole.width - width) // 2, (whole.height - height) // 2
        yield whole.crop((left, top, left + width, top + height))


def by_program(command: list[str], data: bytes, output: str) -> Image.Image | None:
    """What a program makes of the file `in.jpg`; None for a file that is no JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "in.jpg").write_bytes(data)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        with Image.open(Path(folder) / output) as image:
            return image.convert("RGB")


def restorers(chosen: argparse.Namespace) -> dict[str, Callable[[bytes], Image.Image | None]]:
    made: dict[str, Callable[[bytes], Image.Image | None]] = {}
    for name in chosen.methods:
        base, _, told = name.partition("=")
        method = dispatch.Auto() if base == "auto" else imgredux.get(base)
        options = {"quality": int(told)} if told else {}

        def restored(data: bytes, method: Any = method, options: Any = options) -> Image.Image:
            return method(Image.open(io.BytesIO(data)), **options).convert("RGB")

        made[name] = restored
    if chosen.jpegqs:
        command = [chosen.jpegqs, "-q", "6", "-i", "0", "in.jpg", "out.jpg"]
        made["jpeg-quantsmooth"] = lambda data: by_program(command, data, "out.jpg")
    if chosen.knusperli:
        other = [chosen.knusperli, "in.jpg", "out.ppm"]
        made["knusperli"] = lambda data: by_program(other, data, "out.ppm")
    if chosen.ffmpeg:
        spp = [chosen.ffmpeg, "-v", "error", "-i", "in.jpg", "-vf", "spp=6", "-frames:v", "1", "out.png"]
        made["ffmpeg spp"] = lambda data: by_program(spp, data, "out.png")
    return made


def gains(original: Image.Image, before: Image.Image, after: Image.Image) -> tuple[float, float, float]:
    """dB won in RGB, luma, and Cb and Cr."""
    first, second, third = (
        torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].double() / 255 for image in (original, before, after)
    )
    planes = [(z, ops.luma(z), ops.rgb_to_ycbcr(z)[:, 1:]) for z in (first, second, third)]
    won = [(psnr(c, a).clamp(max=MOST) - psnr(b, a).clamp(max=MOST)).item() for a, b, c in zip(*planes, strict=True)]
    return won[0], won[1], won[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--screens", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", default=["auto", "slidingdct"])
    parser.add_argument("--kinds", nargs="+", default=[*KINDS], choices=[*KINDS])
    for name in ("jpegqs", "knusperli", "ffmpeg"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--count", type=int, default=6)
    parser.add_argument("-o", type=Path)
    chosen = parser.parse_args()
    programs = restorers(chosen)
    subjects = {
        "photographs": list(middles(chosen.photos, chosen.count)),
        "screens": list(middles(chosen.screens, chosen.count)),
        "a page of code": [code_page()],
        "pixel art": [pixel_art(9)],
        "pixel art on the grid of blocks": [pixel_art(8)],
    }
    lines = [f"| images | file | {' | '.join(programs)} |", "|---|---|" + "---|" * len(programs)]
    for subject, images in subjects.items():
        for kind in chosen.kinds:
            found = defaultdict(list)
            for image in images:
                original, data = KINDS[kind](image)
                for name, program in programs.items():
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        result = program(data)
                    if result is not None:
                        found[name].append(gains(original, opened(data), result))
            cells = [
                " ".join(f"{value:+.2f}" for value in np.mean(found[name], 0)) if found[name] else ""
                for name in programs
            ]
            lines.append(f"| {subject} | {kind} | {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    if chosen.o:
        chosen.o.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
