"""The same noise energy, put where five maps say, on one photograph; its scores beneath each crop.

python examples/equal_noise.py equal_noise.webp
"""

import sys
from pathlib import Path

import torch
from PIL import Image
from skimage import data

import imgredux
from imgredux import ops
from imgredux.maps.visualize import sheet
from imgredux.metrics import ssim, ssimulacra2

METHODS = ("flat", "wu2017", "jiang2022", "localstd", "concentrated")
MSE = 100.0
CROP = (slice(40, 280), slice(90, 410))  # the cat's face and the blurred background


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255


def main(out: Path) -> None:
    photo = data.chelsea()
    luma = ops.luma(tensor(photo))
    pictures = {"original": Image.fromarray(photo[CROP])}
    for name in METHODS:
        noisy = imgredux.inject(photo, imgredux.get(name)(photo), mse=MSE).image
        structure = ssim(ops.luma(tensor(noisy)), luma).item()
        seen = ssimulacra2(tensor(noisy), tensor(photo)).item()
        pictures[f"{name}: SSIM {structure:.3f}, SSIMULACRA2 {seen:.1f}"] = Image.fromarray(noisy[CROP])
    sheet(pictures, columns=3).save(out, quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
