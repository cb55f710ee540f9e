"""A photograph, the JND map of an estimator, and the offsets of the quantization parameter that it gives an encoder.

python examples/qp_map.py qp_map.webp
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

import imgredux
from imgredux import maps

BLOCK = 16
METHOD = "ddjnd.hiding"


def painted(offsets: np.ndarray) -> Image.Image:
    """Blue is coded finer, red coarser; the number is the offset."""
    share = np.clip(offsets / 6, -1, 1)[..., None]
    colors = 255 - np.where(share > 0, share * (0, 200, 200), -share * (200, 200, 0))
    image = Image.fromarray(np.kron(colors.astype(np.uint8), np.ones((BLOCK, BLOCK, 1), np.uint8)))
    draw = ImageDraw.Draw(image)
    for (row, column), offset in np.ndenumerate(offsets):
        draw.text((column * BLOCK + 2, row * BLOCK + 2), str(offset), fill="black", font_size=9)
    return image


def main(out: Path) -> None:
    photo = data.chelsea()[:288, 16:448]
    jnd = imgredux.get(METHOD)(photo)
    offsets = maps.qp_offsets(jnd, BLOCK)
    pictures = {"photograph": Image.fromarray(photo), METHOD: maps.heatmap(jnd), "QP offsets": painted(offsets)}
    maps.sheet(pictures).save(out, quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
