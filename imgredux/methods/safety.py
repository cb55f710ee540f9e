"""A safety net under restorers: blocks in which a network has left its domain are not given as it made them.

Where an encoder rounds, no coefficient of the original lies outside its quantisation interval (ITU-T T.81). A network
knows nothing of that. Of photographs it leaves next to no coefficient outside; of text, screentone and pixel art, up to
a fifth. The share that left is the alarm. At low qualities intervals are so wide that nothing leaves them: there,
patterns that no photograph has, of black and white side by side, are the alarm.

`docs/results/restoration.md` has the measurements behind the constants.
"""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux.ops.flatzones import flat_chroma, flat_luma
from imgredux.ops.sliding import FACTORS

N = 8
EDGED = 50.0  # deviation of luma around a block, grey levels: zones with edges between them
ALIKE, FLAT = 1.5, 0.5  # neighbors within these grey levels are alike; the share around a block that makes it flat
AROUND = 5  # blocks, of the square over which the share of a block is taken
LUMA, CHROMA = 0.01, 0.025  # shares at which the alarm rings
ROUNDING = 0.5 / 255  # by how much a coefficient may be beyond its interval: pixels are rounded
SEED, GROWN = 100.0, 55.0  # deviation of luma in a block, grey levels: where a pattern begins, how far it reaches
SEED_CHROMA = 42.0  # the same of chroma that is stored at full size
GROWTH = 8  # blocks
GENTLE = 20  # quality below which even flat zones take more from a pattern than they give


def safe(y: Tensor, x: Tensor, steps: Tensor, quality: int, subsampling: str | None) -> tuple[Tensor, float]:
    """What a network made of an image, but for the blocks in which it cannot be right, and the share of these.

    y, x: result and JPEG `(1, C, H, W)` in [0, 1], blocks from the corner; steps: `(1, 2, 8, 8)`. Such blocks are
    drawn flat where that is flat, else restored by the sliding DCT; patterns are drawn, or stay as they are where the
    quality is below 20. Luma and chroma of full size are looked at apart; chroma of another size has no alarm of its
    own, and is drawn where luma is.
    """
    height, width = y.shape[-2:]
    mine, theirs = (_planes(_whole(z)) for z in (y, x))
    full = mine.shape[1] == 3 and FACTORS.get(subsampling or "4:2:0") == (1, 1)
    caught = [_left(mine[:, :1], theirs[:, :1], steps[:, 0]) > LUMA]
    if full:
        caught.append(_any(_left(mine[:, k : k + 1], theirs[:, k : k + 1], steps[:, 1]) > CHROMA for k in (1, 2)))
    pattern = _patterns(theirs, full)
    if not (pattern.any() or any(mask.any() for mask in caught)):
        return y, 0.0
    masks = [_pixels(mask | pattern) for mask in caught]
    stay = _pixels(pattern) if quality < GENTLE else torch.zeros_like(masks[0])
    gentle, flat = theirs, torch.zeros_like(masks[0])
    if bool((_any(masks) & ~stay).any()):
        gentle, flat = _gentle(theirs, steps, subsampling, full, pattern)
    gentle = torch.where(stay, theirs, gentle)
    luma = torch.where(masks[0], gentle[:, :1], mine[:, :1])
    # Chroma of another size is not slid: it stays a network's where it is not drawn.
    replaced = masks[1] if full else masks[0] & (flat | stay)
    chroma = torch.where(replaced, gentle[:, 1:], mine[:, 1:])
    result = torch.cat([luma, chroma], 1)
    result = result if result.shape[1] == 1 else ops.ycbcr_to_rgb(result)
    return result[..., :height, :width].clamp(0, 1), _any(masks).float().mean().item()


def _gentle(
    theirs: Tensor, steps: Tensor, subsampling: str | None, full: bool, pattern: Tensor
) -> tuple[Tensor, Tensor]:
    """The planes drawn flat, as `ops.flatzones` does, in patterns and where that is flat; else by the sliding DCT.

    With them, where they are drawn.
    """
    luma = flat_luma(theirs[:, :1].contiguous(), steps[:, 0])
    alike = [(255 * luma.diff(dim=axis)).abs() <= ALIKE for axis in (-2, -1)]
    alike = F.pad(alike[0].float(), (0, 0, 0, 1), value=1.0) + F.pad(alike[1].float(), (0, 1), value=1.0)
    share, mean, square = (_around(z) for z in (alike / 2, luma, luma**2))
    # Smooth photographs are flat too, and would be drawn in bands: zones have edges between them.
    edged = 255 * (square - mean**2).clamp(min=0).sqrt() > EDGED
    flat = _pixels(pattern | (share > FLAT) & edged)
    if theirs.shape[1] == 1:
        return torch.where(flat, luma, ops.sliding_dct(theirs.contiguous(), steps[:, 0])), flat
    drawn = torch.cat([luma, flat_chroma(theirs[:, 1:], steps[:, 1], luma, subsampling)], 1)
    slid = theirs.clone()
    slid[:, :1] = ops.sliding_dct(theirs[:, :1].contiguous(), steps[:, 0])
    if full:
        slid[:, 1:] = ops.restored_chroma(theirs[:, 1:].contiguous(), steps[:, 1], "4:4:4")
    return torch.where(flat, drawn, slid), flat


def _around(z: Tensor) -> Tensor:
    """Means over the blocks around each block."""
    return F.avg_pool2d(F.avg_pool2d(z, N), AROUND, 1, AROUND // 2, count_include_pad=False)


def _planes(z: Tensor) -> Tensor:
    return z if z.shape[1] == 1 else ops.rgb_to_ycbcr(z)


def _whole(z: Tensor) -> Tensor:
    """Completed to whole blocks."""
    below, right = -z.shape[-2] % N, -z.shape[-1] % N
    return F.pad(z, (0, right, 0, below), mode="replicate") if below or right else z


def _left(mine: Tensor, theirs: Tensor, steps: Tensor) -> Tensor:
    """The share of coefficients outside of their intervals around each block, `(1, 1, H/8, W/8)`."""
    moved = ops.blocks(ops.dct(mine - theirs)).abs()
    outside = moved > 0.5 / 255 * steps[:, None, None] + ROUNDING
    return F.avg_pool2d(outside.float().mean((-2, -1)), AROUND, 1, AROUND // 2, count_include_pad=False)


def _patterns(planes: Tensor, full: bool) -> Tensor:
    """Blocks of patterns, grown from those with more contrast than photographs have to their neighbours."""
    deviation = 255 * ops.blocks(planes).flatten(-2).std(-1)
    seeds = deviation[:, :1] > SEED
    if full:
        seeds = seeds | (deviation[:, 1:].amax(1, keepdim=True) > SEED_CHROMA)
    if seeds.any():
        wide = deviation.amax(1, keepdim=True) > GROWN
        for _ in range(GROWTH):
            seeds = seeds | (F.max_pool2d(seeds.float(), 3, 1, 1) > 0) & wide
        seeds = F.max_pool2d(seeds.float(), 3, 1, 1) > 0
    return seeds


def _pixels(blocks: Tensor) -> Tensor:
    return F.interpolate(blocks.float(), scale_factor=N, mode="nearest") > 0


def _any(masks: Iterable[Tensor]) -> Tensor:
    found, *others = masks
    for mask in others:
        found = found | mask
    return found
