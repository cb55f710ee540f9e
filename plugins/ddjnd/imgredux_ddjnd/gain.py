"""The head "gain", which is not in the paper: from the decoder's planes to the logarithm of a change of a base map."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.ops.color import luma
from imgredux.ops.masking import local_std
from imgredux.ops.strips import pad
from imgredux_ddjnd.layers import Padding, conv, conv_gelu

WINDOWS = (3, 5, 9, 17, 31)  # sides of the squares whose deviations the head sees
LOG_STD = 1.5  # ln(1 + deviation) of a usual image, in grey levels
HIDDEN = 16
BOX = 3  # side of the window over which q is averaged


def statistics(I_ori: Tensor) -> Tensor:
    """ln(1 + standard deviation of luma) in windows, luma, R - Y, B - Y: `(B, 3, H, W)` in [-1, 1] to `(B, 8, H, W)`.

    All about 0, of about 1. What masks noise is how busy the surroundings are, over more than one distance: a short
    training does not find deviations by itself.
    """
    Y = luma(I_ori)
    levels = 127.5 * (Y + 1)
    busy = [(local_std(levels, size, border="reflect") + 1).log() - LOG_STD for size in WINDOWS]
    return torch.cat([*busy, Y, I_ori[:, :1] - Y, I_ori[:, 2:] - Y], 1)


class Gain(nn.Module):
    """R `(B, M, H, W)` and I_ori to q `(B, 1, H, W)`, 0 at first: convolutions that see 7x7, then a mean of 3x3."""

    def __init__(self, planes: int, padding: Padding) -> None:
        super().__init__()
        inputs = planes + len(WINDOWS) + 3
        self.hidden = nn.Sequential(
            conv_gelu(inputs, HIDDEN, 1, padding),
            conv_gelu(HIDDEN, HIDDEN, 3, padding),
            conv_gelu(HIDDEN, HIDDEN, 5, padding),
        )
        self.last = conv(HIDDEN, 1, 1)

    def quieten(self) -> None:
        """Let q be 0, so that the map is its base."""
        nn.init.zeros_(self.last.weight)

    def forward(self, R: Tensor, I_ori: Tensor) -> Tensor:
        q = self.last(self.hidden(torch.cat([R, statistics(I_ori).to(R.dtype)], 1)))
        return F.avg_pool2d(pad(q, BOX // 2, "reflect"), BOX, 1)
