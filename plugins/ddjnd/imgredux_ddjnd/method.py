"""DDJND: Dual Domain Just Noticeable Difference (Wang, Li, Xie; AAAI 2025)."""

import math
from typing import Any, Literal

import torch
from torch import Tensor

from imgredux.errors import ImgreduxError
from imgredux.methods.base import Estimator
from imgredux.methods.tiling import faded, in_tiles
from imgredux_ddjnd.gain import REACH, texture
from imgredux_ddjnd.layers import widened
from imgredux_ddjnd.network import Choices, Network

PEAK = 7.9  # root mean squares of a map, which no threshold exceeds: a sharper peak would hide noise in a few pixels
_ROUNDS = 12
ALIGN = 8  # tiles start on multiples of it: the blocks of the DCT lie alike in all of them
Head = Literal["gain", "paper"]
Target = Literal["image", "map"]


class DDJND(Estimator):
    """`(B, 3, H, W)` in [0, 1] to a JND map `(B, 1, H, W)` in the same units.

    head: "paper", the map is how far I_out, an estimate of the critical image, lies from the image: the root mean
    square over R, G and B. "gain", the map is `gain.texture`, a base that is low at edges, times exp(bound tanh(q)),
    where q comes from the decoder and from local statistics: a bounded change of a sound map, which cannot pack noise
    into few pixels. Peaks are cut at 7.9 times the map's root mean square. A fresh network gives that base.
    bound: natural logarithm of the largest gain; that of the smallest gain is its negative.
    target: what I_out is for the head "paper": the critical "image", or the "map", without "+ I_ori" in eq. 23.
    per_channel: a map `(B, 3, H, W)` from the head "paper", with a threshold for each channel.
    tile, overlap: side of the squares that the network sees, and how far they overlap, multiples of 8. Attention
    reaches as far as a tile: use that of the training. Without a trunk the result does not depend on them.
    choices: sizes and readings of the paper, as `network.Choices` has them: width, kan_width, depth and more.

    In eval mode the image is computed tile by tile, a smaller one as a whole, and I_out is clipped to what an image, or
    a map, can be (theta of eq. 4). In training mode x is one tile, of sides that are multiples of 8, and I_out is not
    clipped. `.network`, on images in [-1, 1], gives the features of both branches too, for the loss.

    Raises ValueError for other values of the keywords.
    """

    def __init__(
        self,
        *,
        head: Head = "paper",
        bound: float = 1.1,
        target: Target = "image",
        per_channel: bool = False,
        tile: int = 224,
        overlap: int = 24,
        **choices: Any,
    ) -> None:
        super().__init__()
        for name, value, known in (("head", head, ("gain", "paper")), ("target", target, ("image", "map"))):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; choose {' or '.join(known)}")
        if tile % ALIGN or overlap % ALIGN or not 0 < 2 * overlap <= tile:
            raise ValueError(
                f"tile is {tile}, overlap {overlap}; give multiples of {ALIGN}, the overlap at most half a tile"
            )
        chosen = Choices(**choices)
        if head == "paper" and not chosen.trunk:
            raise ValueError("trunk=False needs head='gain'")
        if head == "gain" and (target == "map" or per_channel or chosen.order == "printed"):
            raise ValueError("target='map', per_channel=True and order='printed' need head='paper'")
        self.head, self.bound, self.target, self.per_channel = head, bound, target, per_channel
        self.tile, self.overlap = tile, overlap
        self.network = Network(chosen, gain=head == "gain")

    def forward(self, x: Tensor) -> Tensor:
        if self.head == "gain":
            return self.map_of(x, self._run(x))
        moved = self.estimate(x) if self.target == "map" else self.estimate(x) - x
        if self.per_channel:
            return moved.abs()
        return torch.linalg.vector_norm(moved, dim=1, keepdim=True) / math.sqrt(moved.shape[1])

    def map_of(self, x: Tensor, q: Tensor) -> Tensor:
        """The map of the head "gain" from what the network gives, q `(B, 1, H, W)`: a base times a bounded gain."""
        return _held(texture(x) * (self.bound * widened(q).tanh()).exp())

    def critical(self, x: Tensor) -> Tensor:
        """The critical image of images `(B, 1 or 3, H, W)` in [0, 1], of the same shape and range.

        Raises ImgreduxError for the head "gain" and the target "map", which estimate no image.
        """
        if self.head == "gain" or self.target == "map":
            raise ImgreduxError(
                f"ddjnd estimates no critical image with head={self.head!r}, target={self.target!r}: "
                "use weights of head='paper', or imgredux.inject"
            )
        y = self.estimate(x.expand(-1, 3, -1, -1))
        return y if x.shape[1] == 3 else y.mean(1, keepdim=True)

    def estimate(self, x: Tensor) -> Tensor:
        """I_out of the head "paper", `(B, 3, H, W)` in units of [0, 1]: a critical image, or a map (`target`)."""
        I_out = self._run(x) / 2
        if self.target == "image":
            I_out = x + I_out  # the last term of eq. 23
        return I_out if self.training else I_out.clamp(0, 1)  # theta of eq. 4

    def _run(self, x: Tensor) -> Tensor:
        """R of the network, in float32: of one tile in training, else of all tiles, put together."""
        I_ori = 2 * x - 1

        def run(part: Tensor) -> Tensor:
            return self.network(part)[0].to(x.dtype)

        if self.training:
            return run(I_ori)
        if not self.network.trunk:  # it sees so far and no farther
            return in_tiles(run, I_ori, self.tile, ALIGN, REACH)
        return faded(run, I_ori, self.tile, self.overlap, ALIGN)


def _held(J: Tensor) -> Tensor:
    """Maps `(B, 1, H, W)` whose peaks are cut at `PEAK` root mean squares of what remains; the others as they are."""
    with torch.no_grad():
        top = J.flatten(1).amax(1)
        for _ in range(_ROUNDS):
            rms = J.minimum(top.view(-1, 1, 1, 1)).square().mean((1, 2, 3)).sqrt()
            top = top.minimum(PEAK * rms)
    return J.minimum(top.view(-1, 1, 1, 1))
