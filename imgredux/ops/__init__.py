"""Primitives that methods share: block DCT, JFIF colour, JPEG, the masking terms of the JND literature, Canny.

All take image tensors `(B, C, H, W)` and are batched; each says its units. An operation enters when a second
method needs it.
"""

from imgredux.ops.canny import canny
from imgredux.ops.color import luma, rgb_to_ycbcr, with_luma, ycbcr_to_rgb
from imgredux.ops.dct import across_blocks, blocks, dct, idct, pixel_std
from imgredux.ops.fourier import amplitude, irfft2, phase, rfft2
from imgredux.ops.jpeg import jpeg, jpeg_bytes, jpeg_soft
from imgredux.ops.jpeg_torch import jpeg_torch
from imgredux.ops.masking import (
    background,
    busyness,
    combine,
    local_std,
    luminance_adaptation,
    spatial_masking,
    weighted_gradient,
)
from imgredux.ops.protection import edge_protection, gaussian_blur
from imgredux.ops.quantization import ijg_family, ijg_tables, project
from imgredux.ops.restoring import with_restored_luma
from imgredux.ops.sliding import restored_chroma, sliding_dct
from imgredux.ops.strips import in_strips
from imgredux.ops.structure import sobel, strengths

__all__ = [
    "across_blocks",
    "amplitude",
    "background",
    "blocks",
    "busyness",
    "canny",
    "combine",
    "dct",
    "edge_protection",
    "gaussian_blur",
    "idct",
    "ijg_family",
    "ijg_tables",
    "in_strips",
    "irfft2",
    "jpeg",
    "jpeg_bytes",
    "jpeg_soft",
    "jpeg_torch",
    "local_std",
    "luma",
    "luminance_adaptation",
    "phase",
    "pixel_std",
    "project",
    "restored_chroma",
    "rfft2",
    "rgb_to_ycbcr",
    "sliding_dct",
    "sobel",
    "spatial_masking",
    "strengths",
    "weighted_gradient",
    "with_luma",
    "with_restored_luma",
    "ycbcr_to_rgb",
]
