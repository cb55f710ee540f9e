"""What a large image is like, in a small one: tiles of it, from the smoothest to the busiest, side by side."""

import numpy as np
from PIL import Image

TILE = 384  # pixels a side: with smaller ones, what codecs pay at the seams tells more than what they pay inside
ROWS = 3  # of tiles, and columns
LARGE = 2_000_000  # pixels, above which it is worth it


def mosaic(image: Image.Image) -> Image.Image:
    """Nine tiles of an image of more than `LARGE` pixels, at even steps in the order of their contrast.

    Tiles begin on multiples of their side, so that the grids of codecs lie as they lie in the image. Mode and `info`
    are those of the image.
    """
    luma = np.asarray(image.convert("L"), dtype=np.float32)
    places = [(y, x) for y in range(0, image.height - TILE + 1, TILE) for x in range(0, image.width - TILE + 1, TILE)]
    places.sort(key=lambda place: float(luma[place[0] : place[0] + TILE, place[1] : place[1] + TILE].std()))
    steps = (np.arange(ROWS**2) + 0.5) * len(places) / ROWS**2
    result = Image.new(image.mode, (ROWS * TILE, ROWS * TILE))
    for number, step in enumerate(steps):
        y, x = places[int(step)]
        row, column = divmod(number, ROWS)
        result.paste(image.crop((x, y, x + TILE, y + TILE)), (column * TILE, row * TILE))
    result.info = dict(image.info)
    return result
