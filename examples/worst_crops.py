"""Where noise shows first: for each map, the square of an image with most of its noise on strong edges, at 1:1.

python examples/worst_crops.py worst_crops.webp            # three images
python examples/worst_crops.py worst_crops.webp chelsea    # one

Under each crop stand the map, the MSE of the noise in the whole image, and the share of its power on strong edges.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from skimage import data
from torch.nn import functional as F

import imgredux
from imgredux.io.images import to_tensor
from imgredux.maps import on_edges, sheet, strong_edges

METHODS = ("localstd", "localstd15", "wu2017", "ddjnd.hiding")
LEVELS = (16.0, 100.0)
SIDE = 144
PICTURES = {"chelsea": data.chelsea, "astronaut": data.astronaut, "coffee": data.coffee}


def worst(noisy: torch.Tensor, image: torch.Tensor) -> tuple[int, int]:
    """Top and left of the square with most noise on strong edges."""
    power = (noisy - image).square().mean(1, keepdim=True) * strong_edges(image)
    sums = F.avg_pool2d(power, SIDE, 1)[0, 0]
    return divmod(int(sums.argmax()), sums.shape[1])


def main(out: Path, names: list[str]) -> None:
    shown = {}
    for name in names:
        photo = PICTURES[name]()
        image = to_tensor(photo)
        for mse in LEVELS:
            for method in METHODS:
                noisy = imgredux.inject(photo, imgredux.get(method)(photo), mse=mse).image
                y = to_tensor(noisy)
                top, left = worst(y, image)
                square = np.s_[top : top + SIDE, left : left + SIDE]
                pair = Image.fromarray(np.hstack([photo[square], noisy[square]]))
                shown[f"{name}, {method}, {mse:g}: {on_edges(y, image).item():.0%}"] = pair
    sheet(shown, columns=len(METHODS)).save(out, quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(PICTURES))
