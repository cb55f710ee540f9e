"""Image quality, one value per image, never pooled over a batch: `metric(image, reference) -> (B,)`.

Images are `(B, C, H, W)` in [0, 1]. `docs/reference/metrics.md` says which published value each is calibrated against.
`METRICS` has the metrics that need only the two images. `imgredux.registry.metric` also finds those of plugins.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from imgredux.metrics.lpips import lpips
from imgredux.metrics.psnr import psnr, psnr_b
from imgredux.metrics.psnr_hvs import psnr_hvs, psnr_hvs_m
from imgredux.metrics.pspnr import pspnr
from imgredux.metrics.ssim import ms_ssim, ssim
from imgredux.metrics.ssimulacra2 import ssimulacra2

# The metrics alone, so that a loop over them meets nothing else.
__all__ = [
    "lpips",
    "ms_ssim",
    "psnr",
    "psnr_b",
    "psnr_hvs",
    "psnr_hvs_m",
    "pspnr",
    "ssim",
    "ssimulacra2",
]

Function = Callable[[Tensor, Tensor], Tensor]  # (image, reference) -> (B,)


class Metric(NamedTuple):
    """A metric as tables need it.

    function: `(image, reference) -> (B,)`. higher_is_better: None for a figure that only describes.
    label: what tables show; digits: after the point.
    """

    function: Function
    higher_is_better: bool | None
    label: str
    digits: int


METRICS: dict[str, Metric] = {
    "psnr": Metric(psnr, True, "PSNR", 3),
    "psnr_b": Metric(psnr_b, True, "PSNR-B", 3),
    "psnr_hvs": Metric(psnr_hvs, True, "PSNR-HVS", 3),
    "psnr_hvs_m": Metric(psnr_hvs_m, True, "PSNR-HVS-M", 3),
    "ssim": Metric(ssim, True, "SSIM", 4),
    "ms_ssim": Metric(ms_ssim, True, "MS-SSIM", 4),
    "ssimulacra2": Metric(ssimulacra2, True, "SSIMULACRA2", 2),
    "lpips": Metric(lpips, False, "LPIPS", 4),
}
