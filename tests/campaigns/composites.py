"""Photographs beside text, drawings and flat areas: where the structure of an image changes from one part to another.

    python -m tests.campaigns.composites PHOTOS -o OUT [--count 12]

Each is a page of 640x512 pixels: a photograph on one side, with a caption over it; a heading, lines of text, a chart
and a gradient on the other; dark on light, and light on dark for every second. The same photographs make the same
pages. `imgredux eval ... --data OUT` measures on them.
"""

import argparse
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from imgredux.io.finding import find_images

WIDTH, HEIGHT, SPLIT = 640, 512, 320
WORDS = (
    *("light", "edge", "noise", "field", "band", "coast", "paper", "window", "signal", "quiet", "north", "maple"),
    *("engine", "river", "glass", "map", "level", "border", "thread", "copper", "station", "harbor", "index"),
    *("column", "motion", "pattern", "surface", "garden", "letter"),
)


def page(photo: Image.Image, seed: int) -> Image.Image:
    """A page with this photograph."""
    draw_from = random.Random(seed)
    paper, ink = ((250, 250, 247), (24, 24, 28)) if seed % 2 == 0 else ((22, 24, 30), (226, 228, 232))
    accent = ((178, 34, 52), (20, 92, 160), (40, 120, 60))[seed % 3]
    whole = Image.new("RGB", (WIDTH, HEIGHT), paper)
    at = 0 if seed % 4 < 2 else WIDTH - SPLIT
    whole.paste(_cut(photo), (at, 0))
    draw = ImageDraw.Draw(whole)
    left = SPLIT - at + 16 if at else SPLIT + 16
    draw.text((at + 12, HEIGHT - 40), _line(draw_from, 4), fill=(255, 255, 255), font=ImageFont.load_default(22))
    draw.text((left, 14), _line(draw_from, 2).title(), fill=accent, font=ImageFont.load_default(28))
    for row in range(15):
        draw.text((left, 58 + 18 * row), _line(draw_from, 6)[:44], fill=ink, font=ImageFont.load_default(13))
    for bar in range(8):
        height = draw_from.randint(10, 80)
        draw.rectangle([left + 36 * bar, 430 - height, left + 36 * bar + 24, 430], fill=accent, outline=ink)
    for column in range(SPLIT - 32):
        level = 255 * column // (SPLIT - 32)
        draw.line([left + column, 450, left + column, 490], fill=(level, level, level))
    return whole


def _line(draw_from: random.Random, words: int) -> str:
    return " ".join(draw_from.choice(WORDS) for _ in range(words))


def _cut(photo: Image.Image) -> Image.Image:
    """The middle of a photograph in the shape of half a page."""
    scale = max(SPLIT / photo.width, HEIGHT / photo.height)
    size = (max(SPLIT, round(photo.width * scale)), max(HEIGHT, round(photo.height * scale)))
    photo = photo.convert("RGB").resize(size, Image.Resampling.LANCZOS) if scale > 1 else photo.convert("RGB")
    left, top = (photo.width - SPLIT) // 2, (photo.height - HEIGHT) // 2
    return photo.crop((left, top, left + SPLIT, top + HEIGHT))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12)
    chosen = parser.parse_args()
    files = find_images([chosen.photos])
    chosen.output.mkdir(parents=True, exist_ok=True)
    for seed, file in enumerate(files[:: max(len(files) // chosen.count, 1)][: chosen.count]):
        with Image.open(file) as photo:
            page(photo, seed).save(chosen.output / f"{seed:02}-{file.stem}.png")


if __name__ == "__main__":
    main()
