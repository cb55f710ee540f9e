"""SSIM and MS-SSIM of a 1080p RGB photograph in float32 beside pytorch-msssim's."""

import pytest
import torch
from skimage import data
from skimage.transform import resize

from imgredux.metrics.ssim import ms_ssim, ssim

HEIGHT, WIDTH = 1080, 1920


@pytest.fixture(scope="module")
def pair():
    photograph = resize(data.stereo_motorcycle()[0], (HEIGHT, WIDTH), order=3, anti_aliasing=True)
    image = torch.from_numpy(photograph).clamp(0, 1).float().permute(2, 0, 1)[None].contiguous()
    noise = 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return (image + noise).clamp(0, 1), image


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
