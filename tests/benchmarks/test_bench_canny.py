"""MATLAB's Canny beside scikit-image's and OpenCV's, which are other detectors, on a photograph's luma at 1080p."""

import pytest
import skimage.feature

from imgredux.ops.canny import canny

cv2 = pytest.importorskip("cv2")


@pytest.mark.parametrize("row", ["canny", "canny(threshold=0.5)", "skimage.feature.canny", "cv2.Canny"])
def test_canny_1080p(measure, luma, threads, row):
    x = luma("1080p")
    gray = x[0, 0].numpy()
    counts = gray.astype("uint8")
    cv2.setNumThreads(threads)
    run = {
        "canny": lambda: canny(x),
        "canny(threshold=0.5)": lambda: canny(x, 0.5),
        "skimage.feature.canny": lambda: skimage.feature.canny(gray, sigma=2**0.5),
        "cv2.Canny": lambda: cv2.Canny(counts, 100, 200),
    }[row]
    measure(run, task="Canny, 1080p", row=row, pixels=x.numel())
