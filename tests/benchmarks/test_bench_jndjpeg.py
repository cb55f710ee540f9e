"""jndjpeg from samples to the file, beside libjpeg by Pillow with the same options."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

import imgredux

ROWS = {"jndjpeg": {"distance": 1.0}, "jndjpeg, distance 4": {"distance": 4.0}, "jpeg444": {"quality": 88}}


@pytest.mark.parametrize("row", ROWS)
def test_jndjpeg(measure, row, threads):
    part = Image.fromarray(data.astronaut()).resize((960, 540))
    photograph = Image.fromarray(np.tile(np.asarray(part), (2, 2, 1)))
    codec = imgredux.get(row.partition(",")[0])
    pixels = photograph.width * photograph.height
    measure(lambda: codec.encode(photograph, **ROWS[row]), task="JPEG, 1080p RGB", row=row, pixels=pixels)
