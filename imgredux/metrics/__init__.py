"""Image quality, one value per image, never pooled over a batch."""

from imgredux.metrics.psnr import psnr, psnr_b

__all__ = ["psnr", "psnr_b"]
