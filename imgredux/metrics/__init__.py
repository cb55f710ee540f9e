"""Image quality, one value per image, never pooled over a batch: `metric(image, reference) -> (B,)`.

Images are `(B, C, H, W)` in [0, 1]. `docs/metrics.md` says which published value each is calibrated against.
"""

from imgredux.metrics.lpips import lpips
from imgredux.metrics.psnr import psnr, psnr_b
from imgredux.metrics.psnr_hvs import psnr_hvs, psnr_hvs_m
from imgredux.metrics.pspnr import pspnr
from imgredux.metrics.ssim import ms_ssim, ssim
from imgredux.metrics.ssimulacra2 import ssimulacra2

__all__ = ["lpips", "ms_ssim", "psnr", "psnr_b", "psnr_hvs", "psnr_hvs_m", "pspnr", "ssim", "ssimulacra2"]
