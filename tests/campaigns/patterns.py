"""What restorers make of pictures that they have never seen, with their safety net and without.

    python -m tests.campaigns.patterns [--methods unjpeg d2lnet] [--images DIR]

Patterns made here, and crops of the images in DIR, as JPEG of libjpeg, 4:4:4 and 4:2:0: dB over the JPEG without the
net and with it, at five qualities, as a Markdown table. A greyscale method sees luma.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

import imgredux
from imgredux.io.finding import find_images
from imgredux.methods.restorer import Restorer

SIDE, CROP = 128, 256
QUALITIES = (10, 30, 60, 75, 90)


def patterns() -> Iterator[tuple[str, Image.Image]]:
    y, x = np.mgrid[0:SIDE, 0:SIDE]

    def gray(values: np.ndarray) -> Image.Image:
        return Image.fromarray(np.stack([np.clip(values, 0, 255).astype(np.uint8)] * 3, -1))

    def text(ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Image.Image:
        image = Image.new("RGB", (SIDE, SIDE), paper)
        for line in range(0, SIDE, 12):
            ImageDraw.Draw(image).text((2, line), "Lorem ipsum dolor 0123456789", fill=ink)
        return image

    rng = np.random.default_rng(1)
    colors = rng.integers(0, 256, (8, 3)).astype(np.uint8)
    yield "screentone", gray(np.where(np.sin(x * np.pi / 2.5) * np.sin(y * np.pi / 2.5) * 0.5 + 0.5 > x / SIDE, 255, 0))
    yield "checkerboard", gray((x + y) % 2 * 255)
    yield "lines", gray((x % 4 < 2) * 255)
    yield "text, black on white", text((0, 0, 0), (255, 255, 255))
    yield "text, red on white", text((200, 0, 0), (255, 255, 255))
    yield "text, light on dark", text((240, 240, 200), (20, 20, 60))
    yield "pixel art of 8 colors", Image.fromarray(colors[rng.integers(0, 8, (32, 32))]).resize((SIDE, SIDE), 0)
    noise = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
    yield "pixel art of random colors", Image.fromarray(noise).resize((SIDE, SIDE), 0)


def crops(folder: Path) -> Iterator[tuple[str, Image.Image]]:
    """The middles of six images, evenly chosen."""
    files = find_images([folder])
    for path in files[:: max(len(files) // 6, 1)][:6]:
        with Image.open(path) as image:
            left, top = ((size - CROP) // 2 for size in image.size)
            yield path.stem, image.convert("RGB").crop((left, top, left + CROP, top + CROP))


def gains(method: Restorer, original: Image.Image, quality: int, subsampling: int) -> tuple[float, float]:
    """dB over the JPEG, without the net and with it."""
    gray = 3 not in method.spec.channels
    original = original.convert("L") if gray else original
    file = io.BytesIO()
    original.save(file, "JPEG", quality=quality, subsampling=subsampling)
    jpeg = Image.open(io.BytesIO(file.getvalue()))
    before = psnr(jpeg, original)
    found = []
    for guarded in (False, True):
        method.guarded = guarded
        found.append(psnr(method(jpeg), original) - before)
    return found[0], found[1]


def psnr(a: Image.Image, b: Image.Image) -> float:
    error = (np.asarray(a, float) - np.asarray(b, float)) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.patterns")
    parser.add_argument("--methods", nargs="+", default=["unjpeg", "d2lnet"], metavar="NAME")
    parser.add_argument("--images", type=Path, metavar="DIR", help="photographs")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| method | picture | chroma | {' | '.join(f'quality {quality}' for quality in QUALITIES)} |")
    print(f"|---|---|---|{'---|' * len(QUALITIES)}")
    for name in chosen.methods:
        method = imgredux.get(name)
        assert isinstance(method, Restorer)
        for what, original in (*patterns(), *(crops(chosen.images) if chosen.images else ())):
            for subsampling, chroma in ((0, "4:4:4"), (2, "4:2:0")):
                if chroma == "4:2:0" and 3 not in method.spec.channels:
                    continue
                cells = (gains(method, original, quality, subsampling) for quality in QUALITIES)
                text = " | ".join(f"{before:+.2f} → {after:+.2f}" for before, after in cells)
                print(f"| {name} | {what} | {chroma} | {text} |", flush=True)


if __name__ == "__main__":
    main()
