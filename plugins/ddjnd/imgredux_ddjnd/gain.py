"""The head "gain", which is not in the paper: from the decoder's planes to the logarithm of a change of a base map.

Edges mask less than texture does. So the base is what changes along the common direction of the surroundings, which is
nothing at an edge, and not their deviation, which is largest there.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.ops.color import luma
from imgredux.ops.masking import local_std
from imgredux.ops.strips import pad
from imgredux.ops.structure import strengths
from imgredux_ddjnd.layers import Padding, conv, conv_gelu

WINDOWS = (3, 5, 9, 17, 31)  # sides of the squares whose deviations the head sees
SIDES = (5, 9, 17)  # of those whose structure it sees
LOG_STD = 1.5  # ln(1 + deviation) of a usual image, in grey levels
LOG_STRENGTH = 1.0  # the same of the gradients' strengths
TEXTURE = 2.0  # grey levels of the base for a gradient of one, along the common direction
STATISTICS = len(WINDOWS) + 2 * len(SIDES) + 3
BOX = 3  # side of the window over which q is averaged
REACH = max(WINDOWS) // 2 + 1 + 2 + BOX // 2  # pixels around one that its q depends on, without a trunk


def texture(x: Tensor) -> Tensor:
    """The base: 1 grey level plus twice the weaker strength of the structure tensor in 5x5 pixels.

    `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in the same units.
    """
    return (1 + TEXTURE * strengths(255 * luma(x), SIDES[0])[:, 1:]) / 255


def statistics(I_ori: Tensor) -> Tensor:
    """What masks noise, over more than one distance: `(B, 3, H, W)` in [-1, 1] to `(B, 14, H, W)`, about 0, of about 1.

    ln(1 + standard deviation of luma), ln(1 + strength) of the structure tensor, across and along; luma, R - Y, B - Y.
    A short training does not find deviations by itself.
    """
    Y = luma(I_ori)
    levels = 127.5 * (Y + 1)
    busy = [(local_std(levels, size, border="reflect") + 1).log() - LOG_STD for size in WINDOWS]
    edges = [(strengths(levels, size) + 1).log() - LOG_STRENGTH for size in SIDES]
    return torch.cat([*busy, *edges, Y, I_ori[:, :1] - Y, I_ori[:, 2:] - Y], 1)


class Gain(nn.Module):
    """R `(B, M, H, W)` and I_ori to q `(B, 1, H, W)`, 0 at first: convolutions that see 7x7, then a mean of 3x3."""

    def __init__(self, planes: int, hidden: int, padding: Padding) -> None:
        super().__init__()
        inputs = planes + STATISTICS
        self.hidden = nn.Sequential(
            conv_gelu(inputs, hidden, 1, padding),
            conv_gelu(hidden, hidden, 3, padding),
            conv_gelu(hidden, hidden, 5, padding),
        )
        self.last = conv(hidden, 1, 1)

    def quieten(self) -> None:
        """Let q be 0, so that the map is its base."""
        nn.init.zeros_(self.last.weight)

    def forward(self, R: Tensor, I_ori: Tensor) -> Tensor:
        q = self.last(self.hidden(torch.cat([R, statistics(I_ori).to(R.dtype)], 1)))
        return F.avg_pool2d(pad(q, BOX // 2, "reflect"), BOX, 1)
