"""SSIM and MS-SSIM of a 1080p RGB photograph in float32 beside pytorch-msssim's, and SSIM beside OpenCV's blurs."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.transform import resize

from imgredux.metrics.ssim import C1, C2, ms_ssim, ssim

HEIGHT, WIDTH = 1080, 1920


@pytest.fixture(scope="module")
def pair():
    photograph = resize(data.stereo_motorcycle()[0], (HEIGHT, WIDTH), order=3, anti_aliasing=True)
    image = torch.from_numpy(photograph).clamp(0, 1).float().permute(2, 0, 1)[None].contiguous()
    noise = 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + noise).clamp(0, 1), image


def by_opencv(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of `(H, W, C)` in [0, 1] by the formula, with OpenCV's Gaussian blur: its borders count too."""
    cv2 = pytest.importorskip("cv2")
    mu_x, mu_y, square_x, square_y, product = (
        cv2.GaussianBlur(plane, (11, 11), 1.5) for plane in (x, y, x * x, y * y, x * y)
    )
    both, squares = mu_x * mu_y, mu_x * mu_x + mu_y * mu_y
    numerator = (2 * both + C1) * (2 * (product - both) + C2)
    return float(np.mean(numerator / ((squares + C1) * (square_x + square_y - squares + C2))))


def test_ssim_of_opencv_1080p(measure, pair, threads):
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(threads)
    x, y = (np.ascontiguousarray(one[0].permute(1, 2, 0).numpy()) for one in pair)
    assert by_opencv(x, y) == pytest.approx(ssim(*pair).item(), abs=2e-3)
    measure(lambda: by_opencv(x, y), task="SSIM, 1080p RGB", row="OpenCV", pixels=HEIGHT * WIDTH)


@pytest.mark.parametrize("row", ["imgredux", "pytorch-msssim"])
@pytest.mark.parametrize("metric", [ssim, ms_ssim], ids=["SSIM", "MS-SSIM"])
def test_ssim_1080p(measure, metric, row, pair):
    peers = pytest.importorskip("pytorch_msssim")
    peer = peers.ssim if metric is ssim else peers.ms_ssim
    image, reference = pair
    expected = peer(image, reference, data_range=1).item()
    assert metric(image, reference).item() == pytest.approx(expected, abs=1e-5)
    run = {
        "imgredux": lambda: metric(image, reference),
        "pytorch-msssim": lambda: peer(image, reference, data_range=1),
    }[row]
    name = "SSIM" if metric is ssim else "MS-SSIM"
    measure(run, task=f"{name}, 1080p RGB", row=row, pixels=HEIGHT * WIDTH)
