"""Maps of six published estimators, and what noise of MSE 100 shaped by them looks like, on six images.

python examples/jnd_maps.py jnd_maps.webp            # all six
python examples/jnd_maps.py jnd_maps.webp chelsea    # one

Each image has two rows: the maps, each scaled to the noise of that MSE and all in the same colours (brightest: three
times the noise's rms), and the image with the noise.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import color, data

import imgredux
from imgredux.maps.visualize import heatmap, sheet

METHODS = ("wei2009", "wu2013", "ki2018", "jiang2022", "jiang2024", "ddjnd", "ddjnd.hiding")
MSE = 100.0
SIDE = 144
PICTURES = {  # and the top left corner of the crop that is shown
    "astronaut": (data.astronaut, 40, 150),
    "chelsea": (data.chelsea, 70, 120),
    "coffee": (data.coffee, 120, 200),
    "rocket": (data.rocket, 250, 250),
    "cells": (data.immunohistochemistry, 180, 180),
    "page": (data.page, 20, 120),
}


def main(out: Path, names: list[str]) -> None:
    shown = {}
    for place, name in enumerate(names):
        load, top, left = PICTURES[name]
        photo = load()
        photo = photo if photo.ndim == 3 else (255 * color.gray2rgb(photo / 255)).astype(np.uint8)
        crop = np.s_[top : top + SIDE, left : left + SIDE]
        maps, noisy = {}, {}
        for method in METHODS:
            jnd = imgredux.get(method)(photo)
            injected = imgredux.inject(photo, jnd, mse=MSE)
            maps[f"{method} "] = heatmap(injected.phi * jnd[crop], 3 * MSE**0.5)
            noisy[method] = Image.fromarray(injected.image[crop])
        empty = Image.new("RGB", (SIDE, SIDE), "white")
        rows = {f"{name} maps": empty, **maps, name: Image.fromarray(photo[crop]), **noisy}
        shown |= {key + " " * (2 * place): picture for key, picture in rows.items()}
    sheet(shown, columns=1 + len(METHODS)).save(out, quality=88)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PICTURES))
