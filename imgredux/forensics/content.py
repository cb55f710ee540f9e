"""What kind of image a JPEG shows: a photograph, or graphics, which are flat zones with sharp edges between them."""

import torch
from torch import Tensor

from imgredux.ops.color import luma
from imgredux.ops.flatzones import flat_luma

SIDE = 128  # of the squares that are looked at
MOST = 16
PATCH = 16
SAME, FLAT, FLAT_SHARE = 1.5, 0.5, 0.9  # of what is drawn: neighbors alike in grey levels; flat patches; their share
VALUES, VALUES_SHARE = 4, 0.4  # and how many pixels have one of the commonest values, or one beside it
FEW = 0.75  # the same, where it is enough by itself


def is_graphics(x: Tensor, steps: Tensor) -> bool:
    """Whether an image `(1, C, H, W)` in [0, 1], blocks from its corner, is graphics; steps `(1, 8, 8)` of its luma.

    What `flat_luma` makes of graphics is flat in nearly all patches of 16x16 pixels, and has few values, or has so few
    that this is enough. The shares were chosen on training images by what the better restorer gains:
    docs/results/restoration.md. Sixteen squares, evenly spread, are looked at; an image without a whole patch is none.
    """
    squares = [square for square in _squares(luma(x.float())) if min(square.shape[-2:]) >= PATCH]
    if not squares:
        return False
    drawn = [flat_luma(square.contiguous(), steps) for square in squares]
    common = _common(drawn)
    return common > FEW or (common > VALUES_SHARE and _flat(drawn) > FLAT_SHARE)


def _squares(y: Tensor) -> list[Tensor]:
    """Up to 16 squares of 128 pixels, on the grid of blocks, in rows and columns as the image is high and wide."""
    places = [(top, left) for top in range(0, y.shape[-2], SIDE) for left in range(0, y.shape[-1], SIDE)]
    if len(places) > MOST:
        chosen = torch.linspace(0, len(places) - 1, MOST).round().long().tolist()
        places = [places[i] for i in chosen]
    return [y[..., top : top + SIDE, left : left + SIDE] for top, left in places]


def _flat(squares: list[Tensor]) -> float:
    """The share of patches in which most neighbors, right and below, are alike."""
    found = []
    for square in squares:
        across = torch.nn.functional.pad((255 * square.diff(dim=-1)).abs() <= SAME, (0, 1), value=True)
        down = torch.nn.functional.pad((255 * square.diff(dim=-2)).abs() <= SAME, (0, 0, 0, 1), value=True)
        found.append(torch.nn.functional.avg_pool2d((across.float() + down.float()) / 2, PATCH).flatten())
    return (torch.cat(found) > FLAT).float().mean().item()


def _common(squares: list[Tensor]) -> float:
    """The share of pixels with one of the VALUES commonest grey levels, or with one beside it."""
    levels = torch.cat([(255 * square).round().long().clamp(0, 255).flatten() for square in squares])
    counts, total = torch.bincount(levels, minlength=256).float(), 0.0
    for _ in range(VALUES):
        three = counts + torch.nn.functional.pad(counts[1:], (0, 1)) + torch.nn.functional.pad(counts[:-1], (1, 0))
        peak = int(three.argmax())
        total += float(three[peak])
        counts[max(peak - 1, 0) : peak + 2] = 0
    return total / len(levels)
