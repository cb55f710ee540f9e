"""JND Profile Inference: A Patch-Level Structural Visibility Learning Approach (Shen, Ni, Yang et al.; TIP 2020).

A patch x is mu + c s: its mean, its contrast, and its structure, of norm 1. Where a distortion is just not noticed, mu
has moved by the luminance adaptation, c has shrunk, and a network says what remains of s. It has learnt this from
images coded at that point. Grey levels 0..255 throughout, but for the network's own input.
"""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor

from imgredux import ops
from imgredux.methods.base import Estimator
from imgredux_shen2020.network import WIDTH, Network

SIDE, STRIDE = 64, 50  # of the patches, which overlap by 14
SHRINK = 0.9474  # what is left of the contrast
_FLAT = 1e-3  # a norm of x - mu below this is rounding error, and has no structure
_AT_ONCE = 32  # patches


class Shen2020(Estimator):
    """JND of Shen et al. (2020): `(B, 1, H, W)` in [0, 1] to the same in the same units, one map for all channels.

    width: features of the finest level; the authors' network has 32.
    sign: whether luminance moves up or down. The authors draw it once for each image.

    The map is abs(I - I_J); `critical` gives I_J. Patches of 64x64 start each 50 pixels, the last ones at the border,
    and are averaged where they overlap. Differentiable; `.network` maps patches to patches.

    Raises ValueError for a width below 1, or another sign than 1 and -1.
    """

    def __init__(self, *, width: int = WIDTH, sign: Literal[1, -1] = 1) -> None:
        super().__init__()
        if width < 1 or sign not in (1, -1):
            raise ValueError(f"width is {width}, sign {sign}; give a width of at least 1, and a sign of 1 or -1")
        self.width, self.sign = width, sign
        self.network = Network(width)

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and other processes: torch pickles no module with spectral normalisation, but its numbers."""
        about = {key: value for key, value in vars(self).items() if key in ("_spec", "tag", "digest", "training")}
        return _again, (self.width, self.sign, self.state_dict(), about)

    def critical(self, x: Tensor) -> Tensor:
        """I_J, the image at the point of just noticeable distortion: `(B, 1, H, W)` in [0, 1] to the same, not clipped.

        No side may be below 64.
        """
        return torch.cat([self._assembled(image) for image in x.split(1)])

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.critical(x)).abs()

    def _assembled(self, image: Tensor) -> Tensor:
        """I_J of one image: the patches of I_J, averaged where they overlap."""
        total, count = torch.zeros_like(image), torch.zeros_like(image)
        parts = torch.cat([self._distorted(some) for some in patches(image).split(_AT_ONCE)])
        for part, (rows, columns) in zip(parts.split(1), _places(image), strict=True):
            total[..., rows, columns] += part
            count[..., rows, columns] += 1
        return total / count

    def _distorted(self, x: Tensor) -> Tensor:
        """x_J of patches `(N, 1, 64, 64)` in [0, 1], in the same units."""
        mu, c, _ = decomposed(255 * x)
        _, _, s = decomposed(255 * self.network(x))
        moved = (mu + self.sign * ops.luminance_adaptation(mu)).clamp(0, 255)
        return (moved + SHRINK * c * s) / 255


def decomposed(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """mu, c `(N, 1, 1, 1)` and s of patches in grey levels; s is 0 where a patch is flat."""
    mu = x.mean((-2, -1), keepdim=True)
    c = torch.linalg.vector_norm(x - mu, dim=(-2, -1), keepdim=True)
    flat = c < _FLAT
    return mu, c.masked_fill(flat, 0), ((x - mu) / c.masked_fill(flat, 1)).masked_fill(flat, 0)


def patches(x: Tensor) -> Tensor:
    """All patches of images `(B, C, H, W)`, whose sides are at least 64: `(N, C, 64, 64)`."""
    return torch.cat([x[..., rows, columns] for rows, columns in _places(x)])


def _places(x: Tensor) -> Iterator[tuple[slice, slice]]:
    tops, lefts = ([*range(0, n - SIDE, STRIDE), n - SIDE] for n in x.shape[-2:])
    for top in tops:
        for left in lefts:
            yield slice(top, top + SIDE), slice(left, left + SIDE)


def _again(width: int, sign: Literal[1, -1], state: dict[str, Tensor], about: dict[str, Any]) -> Shen2020:
    method = Shen2020(width=width, sign=sign)
    method.load_state_dict(state)
    method.train(about["training"])
    vars(method).update(about)
    return method
