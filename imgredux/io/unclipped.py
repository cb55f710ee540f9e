"""What a JPEG's decoder has before it clips to 0..255: the ringing around black and white, which pixels lack.

Pillow gives clipped pixels alone. Two more decodings undo that. In YCbCr nothing is clipped as colour: only luma below
0 or above 255 is. Where that is, the file is decoded again with tables of half the steps and no mean: luma of half the
contrast, which fits. Blocks found so are checked against the pixels.
"""

import torch
from torch import Tensor

from imgredux.io.jpeg_file import decoded, with_half_steps
from imgredux.ops.color import ycbcr_to_rgb
from imgredux.ops.dct import blocks, dct, idct

N = 8
STRIP = 32  # rows that are converted at a time
_APART = 2  # grey levels that a block may differ from its pixels by: both are rounded
_FOREIGN = 1.01 / 255  # and pixels from those of the file, before they are taken for changed ones


@torch.no_grad()
def unclipped(file: bytes, x: Tensor, steps: Tensor) -> Tensor:
    """The image `x`, `(1, 1 or 3, H, W)` in [0, 1], of a JPEG file, as its decoder has it before it clips.

    steps: `(8, 8)`, of luma. Values are a little beyond [0, 1] where the file is; pixels where nothing was clipped are
    those of `x`, rounding included. x itself where the file cannot be read in this way, or has other pixels.
    """
    planes = decoded(file, "L" if x.shape[1] == 1 else "YCbCr")
    if planes is None or planes.shape != x.shape[1:]:
        return x
    found, levels = torch.empty(x.shape), torch.from_numpy(planes)[None]
    for top in range(0, x.shape[-2], STRIP):
        rows = (..., slice(top, top + STRIP), slice(None))
        image, pixels = _image(levels[rows].float()), x[rows].cpu()
        if (image.clamp(0, 1) - pixels).abs_().max() > _FOREIGN:
            return x
        inside = (image - pixels).abs_().amax(1, keepdim=True) <= _FOREIGN
        found[rows] = torch.where(inside, pixels, image)
    _extend(found, levels[0, 0], file, steps)
    return found


def _image(levels: Tensor) -> Tensor:
    """Grey or RGB of a file's planes 0..255, which are written over."""
    if levels.shape[1] == 3:
        levels[:, 1:] -= 0.5  # a file's grey is 128, that of `ops` 127.5
    levels = levels.div_(255)
    return levels if levels.shape[1] == 1 else ycbcr_to_rgb(levels)


def _extend(image: Tensor, luma: Tensor, file: bytes, steps: Tensor) -> None:
    """Add to an image what was clipped of its luma `(H, W)` uint8, in whole blocks: to R, G and B alike."""
    blocks_of_luma = _blocks(luma)
    limits = (blocks_of_luma == 0) | (blocks_of_luma == 255)
    chosen = limits.flatten(2).any(-1) & ~limits.flatten(2).all(-1)
    if not chosen.any():
        return
    changed = with_half_steps(file)
    planes = None if changed is None else decoded(changed, "L")
    if planes is None or planes.shape[1:] != luma.shape:
        return
    half = _blocks(torch.from_numpy(planes)[0])[chosen]
    seen, free = blocks_of_luma[chosen].float(), ~limits[chosen]
    detail = _detail(half.float() - 128, steps.to(seen))
    mean = ((seen - detail) * free).sum((1, 2)) / free.sum((1, 2))
    step = float(steps[0, 0]) / N
    if step >= 1:  # finer ones are lost in rounding
        mean = ((mean - 128) / step).round() * step + 128
    change = detail + mean[:, None, None] - seen
    right = ((seen + change).clamp(0, 255) - seen).abs().flatten(1).amax(1) <= _APART
    change = torch.where(right[:, None, None], change, 0) / 255
    for plane in image[0]:
        _blocks(plane)[chosen] += change


def _blocks(plane: Tensor) -> Tensor:
    """The whole blocks of a plane `(H, W)`: a view `(H/8, W/8, 8, 8)`."""
    height, width = (side - side % N for side in plane.shape)
    return plane[:height, :width].unflatten(0, (-1, N)).unflatten(2, (-1, N)).transpose(1, 2)


def _detail(half: Tensor, steps: Tensor) -> Tensor:
    """Blocks `(n, 8, 8)` without their mean, from those of half the steps."""
    c = dct(half.transpose(0, 1).reshape(1, 1, N, -1))  # blocks side by side
    view, halves = blocks(c), ((steps + 1) // 2)
    counts = view / halves
    counts = torch.where(halves > 1, counts.round(), counts)  # finer ones are lost in rounding
    view.copy_(counts * steps)
    view[..., 0, 0] = 0
    return idct(c).reshape(N, -1, N).transpose(0, 1)
