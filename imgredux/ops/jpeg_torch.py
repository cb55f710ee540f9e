"""JPEG computed by torch on the device of the image: libjpeg's integer arithmetic, but for the DCT, for whole batches.

Training needs thousands of damaged crops a second, each with its own tables, where the network is. Colour conversion,
chroma down- and upsampling and rounding are libjpeg's to the bit. The DCT is exact where libjpeg's works with 13-bit
constants, so that a coefficient near a tie can fall on the other side: the PSNR to the original is the same to 0.03 dB.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.ops.dct import blocks, dct, idct


def jpeg_torch(x: Tensor, steps: Tensor, subsampling: str = "4:2:0", *, clipped: bool = True) -> Tensor:
    """What is left of `x` after JPEG with the quantisation tables `steps`, decoded: never differentiable.

    `x` is `(B, C, H, W)` in [0, 1], rounded to 8 bits; C = 1 is a greyscale file, C = 3 one in YCbCr, its chroma
    "4:2:0" or "4:4:4". `steps` is `(B, 2, 8, 8)`: luma and chroma steps of each image. H and W are multiples of 8, of
    16 for 4:2:0. Returns `(B, C, H, W)` float32 in multiples of 1/255. clipped: False gives what a decoder has
    before it clips, values beyond [0, 1], as `imgredux.io.unclipped` finds them in files. Raises ValueError for other
    shapes and another subsampling.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise ValueError(f"subsampling is {subsampling!r}; choose 4:2:0 or 4:4:4")
    multiple = 16 if x.shape[1] == 3 and subsampling == "4:2:0" else 8
    if x.ndim != 4 or x.shape[1] not in (1, 3) or x.shape[-2] % multiple or x.shape[-1] % multiple:
        raise ValueError(f"the shape is {tuple(x.shape)}; pass (B, 1 or 3, H, W), sides multiples of {multiple}")
    if steps.shape != (len(x), 2, 8, 8):
        raise ValueError(f"steps are {tuple(steps.shape)}; pass (B, 2, 8, 8), a table for luma and one for chroma")
    with torch.no_grad():
        pixels = x.detach().float().mul(255).round_().clamp_(0, 255)
        if x.shape[1] == 1:
            return _requantized(pixels, steps[:, :1], clipped).div_(255)
        y, chroma = _to_ycc(pixels)
        y = _requantized(y, steps[:, :1], clipped).int()
        if subsampling == "4:4:4":
            chroma = _requantized(chroma.float(), steps[:, 1:]).int()
        else:
            chroma = _doubled(_requantized(_halved(chroma).float(), steps[:, 1:]).int())
        rgb = _to_rgb(y, chroma)
        return (rgb.clamp_(0, 255) if clipped else rgb).float().div_(255)


def _requantized(planes: Tensor, steps: Tensor, clipped: bool = True) -> Tensor:
    """Planes 0..255 with every coefficient on a multiple of its step, decoded to whole levels."""
    c = dct(planes - 128)
    view, q = blocks(c), steps[:, :, None, None].to(c)
    counts = view / q
    view.copy_((counts + counts.sign() / 2).trunc_() * q)  # halves away from zero
    levels = idct(c).add_(128).round_()
    return levels.clamp_(0, 255) if clipped else levels


def _fixed(value: float) -> int:
    return int(value * 65536 + 0.5)


def _to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """8-bit RGB to Y `(B, 1, H, W)` as float and Cb, Cr `(B, 2, H, W)` as int32, rounded as jccolor.c rounds."""
    r, g, b = rgb.int().split(1, 1)
    y = (_fixed(0.299) * r + _fixed(0.587) * g + _fixed(0.114) * b + 32768) >> 16
    center = (128 << 16) + 32767
    cb = (-_fixed(0.168735892) * r - _fixed(0.331264108) * g + _fixed(0.5) * b + center) >> 16
    cr = (_fixed(0.5) * r - _fixed(0.418687589) * g - _fixed(0.081312411) * b + center) >> 16
    return y.float(), torch.cat([cb, cr], 1)


def _halved(planes: Tensor) -> Tensor:
    """The mean of 2x2 pixels; halves go down in even columns and up in odd ones, as jcsample.c has it."""
    total = F.avg_pool2d(planes.float(), 2, divisor_override=1).int()
    bias = torch.arange(total.shape[-1], device=planes.device, dtype=torch.int32) % 2 + 1
    return (total + bias) >> 2


def _doubled(planes: Tensor) -> Tensor:
    """The triangle filter of jdsample.c ("fancy upsampling"), from `(B, C, H/2, W/2)` to `(B, C, H, W)`, int32."""
    rows = F.pad(planes.float(), (1, 1, 1, 1), mode="replicate").int()
    middle = rows[..., 1:-1, :]
    rows = torch.stack([3 * middle + rows[..., :-2, :], 3 * middle + rows[..., 2:, :]], -2).flatten(-3, -2)
    middle = rows[..., 1:-1]
    both = [3 * middle + rows[..., :-2] + 8, 3 * middle + rows[..., 2:] + 7]
    return torch.stack(both, -1).flatten(-2) >> 4


def _to_rgb(y: Tensor, chroma: Tensor) -> Tensor:
    """Y and Cb, Cr to RGB, rounded as jdcolor.c does, not clipped."""
    cb, cr = (chroma - 128).split(1, 1)
    r = y + ((_fixed(1.402) * cr + 32768) >> 16)
    g = y + ((-_fixed(0.344136286) * cb - _fixed(0.714136286) * cr + 32768) >> 16)
    b = y + ((_fixed(1.772) * cb + 32768) >> 16)
    return torch.cat([r, g, b], 1)
