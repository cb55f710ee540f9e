"""The checks that every metric of two images makes."""

import torch
from torch import Tensor

from imgredux.errors import ImageError


def matched(image: Tensor, reference: Tensor, smallest: int = 1) -> tuple[Tensor, Tensor]:
    """Two images `(B, C, H, W)`, checked, in the wider of their dtypes, at least float32.

    Raises ImageError unless both are floating point, of one shape, and no side is below `smallest` pixels.
    """
    if image.shape != reference.shape or image.ndim != 4:
        raise ImageError(f"images of {tuple(image.shape)} and {tuple(reference.shape)}: give two equal (B, C, H, W)")
    for x in (image, reference):
        if not x.is_floating_point():
            raise ImageError(f"the image holds {x.dtype}; give floating point in [0, 1]: x.float() / 255 for 8 bits")
    height, width = image.shape[-2:]
    if min(height, width) < smallest:
        raise ImageError(f"the image is {height}x{width}; this metric needs at least {smallest}x{smallest} pixels")
    dtype = torch.promote_types(torch.promote_types(image.dtype, reference.dtype), torch.float32)
    return image.to(dtype), reference.to(dtype)
