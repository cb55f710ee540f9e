import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from imgredux.errors import ImageError
from imgredux.io.within import jpeg_within


def test_the_best_file_within_the_bytes_is_taken() -> None:
    image = Image.fromarray(data.astronaut()[:200, :240])
    image.info["dpi"] = (300, 300)
    before = None
    for most in (4000, 8000, 16000, 32000):
        found = jpeg_within(image, most)
        assert len(found.data) <= most
        written = Image.open(io.BytesIO(found.data))
        assert written.info["dpi"] == (300, 300)
        mse = np.square(np.asarray(written).astype(float) - np.asarray(image)).mean()
        assert mse == pytest.approx(found.mse, rel=1e-3)
        for subsampling in ("4:2:0", "4:4:4"):
            other = io.BytesIO()
            image.save(
                other, "JPEG", quality=found.quality + 1, subsampling=subsampling, optimize=True, progressive=True
            )
            worse = np.square(np.asarray(Image.open(other)).astype(float) - np.asarray(image)).mean()
            assert len(other.getvalue()) > most or worse >= 0.99 * found.mse
        assert before is None or found.mse < before
        before = found.mse


def test_gray_and_what_does_not_fit() -> None:
    gray = Image.fromarray(data.camera()[:128, :128])
    assert len(jpeg_within(gray, 3000).data) <= 3000
    with pytest.raises(ImageError, match="no JPEG of the image has 100 bytes"):
        jpeg_within(gray, 100)
    with pytest.raises(ImageError, match="does not hold PIL mode 'RGBA'"):
        jpeg_within(Image.new("RGBA", (9, 9)), 3000)
