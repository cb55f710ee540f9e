"""One photograph as a JPEG of quality 10, and what each restorer makes of the file; PSNR beneath.

python examples/restoration.py restoration.webp
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

import imgredux
from imgredux.maps.visualize import sheet
from imgredux.metrics import psnr

METHODS = ("slidingdct", "arcnn", "d2lnet")
QUALITY = 10
CROP = (slice(0, 240), slice(150, 390))  # face, hair, smooth cloth and a flag


def main(out: Path) -> None:
    photo = data.astronaut()
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=QUALITY)
    pictures = {f"JPEG, {len(file.getvalue()) // 1000} kB": np.asarray(Image.open(file))}
    pictures |= {name: np.asarray(imgredux.get(name)(Image.open(file))) for name in METHODS}
    shown = {"original": Image.fromarray(photo[CROP])}
    for label, pixels in pictures.items():
        quality = psnr(*(imgredux.to_tensor(array) for array in (pixels, photo))).item()
        shown[f"{label}: {quality:.2f} dB"] = Image.fromarray(pixels[CROP])
    sheet(shown, columns=3).save(out, quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
