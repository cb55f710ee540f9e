"""The network of DDJND: two encoders and their decoder, eq. 2-4, and what the paper leaves open about them."""

from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from imgredux_ddjnd.decoder import MA, MI, SCALES, Order, Product
from imgredux_ddjnd.frequency import FDE, Channel, detail
from imgredux_ddjnd.gain import Gain
from imgredux_ddjnd.layers import Padding, conv, he
from imgredux_ddjnd.spatial import SPI, Position


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Sizes, and readings of the paper; each is a keyword of `DDJND`. Printed there: depth alone.

    width: C, channels of both branches, a multiple of 4. kan_width: M, channels of each scale of MA. depth: N, layers
    of SPD and SSCBs of SPB. grid: steps that a spline cuts [-1, 1] into. keep: DCT coefficients with u + v up to it
    stay out of I_fre. padding: of every convolution; with "reflect" and "replicate" a flat image gives a flat map.
    shrink: Q and K of SHA have width / shrink channels. stride: SHA's K and V are averaged over squares of this side,
    for speed; 1 is the paper's. position: the softmax of eq. 18, over each "rows", or over all entries as "printed".
    channel: that of eq. 10, "rows", "printed" or "danet". order: eq. 23 by its "text", or as "printed".
    gate: initial scale of the factor G of eq. 23; at 0 I_out begins as I_ori. Of no meaning for the gain head.
    hidden: channels of the gain head. trunk: False leaves that head alone, without DDJND's four modules.
    spi, fde, ma, mi: False puts what Table 1 has in place of that module: a 3x3 convolution, or `Product` for MI.

    Raises ValueError for other values.
    """

    width: int = 32
    kan_width: int = 16
    depth: int = 5
    grid: int = 5
    keep: int = 3
    padding: Padding = "reflect"
    shrink: int = 1
    stride: int = 1
    position: Position = "rows"
    channel: Channel = "rows"
    order: Order = "text"
    gate: float = 0.0
    hidden: int = 16
    trunk: bool = True
    spi: bool = True
    fde: bool = True
    ma: bool = True
    mi: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("padding", Padding), ("position", Position), ("channel", Channel), ("order", Order)):
            value, known = getattr(self, name), get_args(kind)
            if value not in known:
                raise ValueError(f"{name} is {value!r}; choose {' or '.join(known)}")
        for name in ("kan_width", "depth", "grid", "shrink", "stride", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.width < 4 or self.width % 4 or self.width % self.shrink:
            raise ValueError(f"width is {self.width}; give a multiple of 4 and of shrink, {self.shrink}")


class Network(nn.Module):
    """I_ori `(B, 3, H, W)` in [-1, 1], sides multiples of 8, to (R, F_s, F_f); the features are `(B, C, H, W)`.

    R is I_out - I_ori, `(B, 3, H, W)`, not clipped: eq. 23 but for its last term. gain: the decoder has M planes,
    and in place of R stands q `(B, 1, H, W)`, as `Gain` makes it of them. Without a trunk there are 0 planes, and the
    features are empty.
    """

    def __init__(self, choices: Choices, gain: bool) -> None:
        super().__init__()
        c = choices
        self.gain = Gain(c.kan_width if c.trunk else 0, c.hidden, c.padding) if gain else None
        self.trunk = c.trunk
        if c.trunk:
            self._build_trunk(c, gain)
        self.apply(he)
        if self.gain is not None:
            self.gain.quieten()
        self.to(memory_format=torch.channels_last)

    def _build_trunk(self, c: Choices, gain: bool) -> None:
        self.keep, activations = c.keep, len(SCALES) * c.kan_width
        planes, gate = (c.kan_width, 1.0) if gain else (3, c.gate)
        self.spi = (
            SPI(c.width, c.depth, c.padding, c.shrink, c.stride, c.position)
            if c.spi
            else conv(3, c.width, 3, c.padding)
        )
        self.fde = FDE(c.width, c.padding, c.channel) if c.fde else conv(3, c.width, 3, c.padding)
        self.ma = MA(c.width, c.kan_width, c.grid, c.padding) if c.ma else conv(c.width, activations, 3, c.padding)
        self.mi = (
            MI(c.width, activations, planes, c.padding, c.order, gate)
            if c.mi
            else Product(c.width, activations, planes, c.padding)
        )

    def forward(self, I_ori: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        I_ori = I_ori.contiguous(memory_format=torch.channels_last)
        if not self.trunk:
            none = I_ori[:, :0]
            assert self.gain is not None
            return self.gain(none, I_ori), none, none
        F_s, F_f = self.spi(I_ori), self.fde(detail(I_ori, self.keep))  # Eq. (3)
        R = self.mi(self.ma(F_s), F_f, I_ori)  # Eq. (4)
        if self.gain is not None:
            R = self.gain(R, I_ori)
        return R, F_s, F_f
