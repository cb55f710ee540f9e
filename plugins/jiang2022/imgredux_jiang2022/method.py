"""Toward Top-Down Just Noticeable Difference Estimation of Natural Images (Jiang, Liu, Wang, Shao, Lin; TIP 2022).

Rebuild an image from more and more components of the Karhunen-Loeve transform (KLT) of its own 8x8 patches. At some
number L it just looks lossless: this is the critical perceptually lossless (CPL) image. JND = |I - CPL|.
Grey levels 0..255 throughout.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.methods.tiling import pad
from imgredux.ops.color import luma
from imgredux.ops.dct import blocks
from imgredux.ops.precision import widest
from imgredux.ops.protection import edge_protection as edges_protected
from imgredux.ops.strips import in_strips, strip_rows

N = 8
SHAPE, SCALE = 894.16, 0.99805  # of the Weibull density: the authors' fit to the critical points of 500 images
NULL = 1e-9, 1e-13  # a component is null below this share of the first one's variance, or of all energy (rounding)


class Jiang2022(Estimator):
    """JND of Jiang et al. (2022): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in its units; one map for all channels.

    components: L, 1..64, in place of the number that the model finds for each image.
    edge_protection: reduce the map near edges, as the authors' MATLAB code always does.

    Gradients pass through the transform; L and the edges are step functions of the image, without gradient.

    Raises ValueError for other numbers of components.
    """

    def __init__(self, *, components: int | None = None, edge_protection: bool = True) -> None:
        super().__init__()
        if components is not None and components not in range(1, N * N + 1):
            raise ValueError(f"components is {components}; an 8x8 patch has 1 to 64, None lets the model choose")
        self.components = components
        self.edge_protection = edge_protection

    def forward(self, x: Tensor) -> Tensor:
        y = luma(x)
        ep = edges_protected(y * 255) if self.edge_protection else None
        jnd = self._lost(y).abs_()
        return jnd if ep is None else jnd.mul_(ep)

    def critical(self, x: Tensor) -> Tensor:
        """The CPL image of the luma of `x` `(B, C, H, W)` in [0, 1], of any size: `(B, 1, H, W)`, clipped to [0, 1].

        Sides are completed to multiples of 8 by edge replication, on the right and at the bottom.
        """
        y = pad(luma(x), N, N)
        return (y - self._lost(y)).clamp(0, 1)[..., : x.shape[-2], : x.shape[-1]]

    def components_of(self, x: Tensor) -> Tensor:
        """L of each image of `x` `(B, C, H, W)` in [0, 1], of any size: int64 `(B,)`, 1..64."""
        with torch.no_grad():
            images = pad(luma(x), N, N).split(1)
            return torch.tensor([self._transform(image)[1] for image in images], device=x.device)

    def _lost(self, y: Tensor) -> Tensor:
        """I - CPL of luma `(B, 1, H, W)` in [0, 1], in its units."""
        out = torch.empty_like(y, memory_format=torch.contiguous_format)
        parts = [self._lost_of(image, part) for image, part in zip(y.split(1), out.split(1), strict=True)]
        return torch.cat(parts) if torch.is_grad_enabled() and y.requires_grad else out

    def _lost_of(self, image: Tensor, out: Tensor) -> Tensor:
        """Written to `out`, unless gradients are wanted."""
        klt, L = self._transform(image)
        rest = (torch.eye(N * N).to(klt.V) - klt.projector(L)).to(image)
        return in_strips(lambda strip: _projected(strip, rest), image, out=out)

    def _transform(self, image: Tensor) -> tuple["KLT", int]:
        klt = KLT.of(image)
        return klt, self.components or critical_point(klt.energies())


class KLT(NamedTuple):
    """The transform of one image's patches, in float64.

    S: mean of X X^T over the patches X, `(64, 64)`. m: mean patch, `(64,)`. V: its columns are the kernel, `(64, 64)`.
    variances: of the components, descending, `(64,)`. Only S and m carry gradients.
    """

    S: Tensor
    m: Tensor
    V: Tensor
    variances: Tensor

    @classmethod
    def of(cls, image: Tensor) -> "KLT":
        """The transform of an image `(1, 1, H, W)` in [0, 1], sides multiples of 8.

        With few patches, or drawings, some components are null: patches do not vary along them, and any basis would do.
        We let the first of it point along the mean patch, which then has no other null component: L would depend on
        the solver otherwise, for the coefficients are not centred.
        """
        S, m = _moments(image)
        covariance = (S - m.outer(m)).detach()
        variances, V = (values.flip(-1) for values in torch.linalg.eigh(covariance))
        floor = max(NULL[0] * float(variances[0]), NULL[1] * float(S.detach().trace()))
        rank = int((variances > floor).sum())
        null = V[:, rank:]
        along = (null.mT @ m.detach()).unsqueeze(1)
        turn = torch.linalg.qr(torch.cat([along, torch.eye(len(along)).to(V)], dim=1)).Q
        return cls(S, m, torch.cat([V[:, :rank], null @ turn], dim=1), variances)

    def energies(self) -> Tensor:
        """e_k: mean square of the coefficients Y = V^T X, X not centred, `(64,)`."""
        return (self.V * (self.S.detach() @ self.V)).sum(0).clamp(min=0)

    def projector(self, L: int) -> Tensor:
        """`(64, 64)`: what takes a patch to its first L components and back."""
        kept, lost = self.V[:, :L], self.V[:, L:]
        projector = kept @ kept.mT
        if not self.S.requires_grad:
            return projector
        # The gradient by first-order perturbation: eigh's own divides by the gaps between all pairs of components,
        # but only those between a kept and a lost one matter.
        gap = self.variances[:L, None] - self.variances[L:]
        covariance = self.S - self.m.outer(self.m)
        tilt = (kept.mT @ covariance @ lost) * (1 / gap).where(gap > NULL[0] * self.variances[0], 0)
        turned = kept @ (tilt - tilt.detach()) @ lost.mT
        return projector + turned + turned.mT


def critical_point(energies: Tensor) -> int:
    """L = ceil(sum_k k f(P_k) / sum_k f(P_k)), with the Weibull density f of the cumulative energy share P_k.

    In logarithms: f underflows in all but the last P_k.
    """
    P = (energies.cumsum(0) / energies.sum().clamp(min=1e-300)).clamp(min=1e-300)
    log_f = (SHAPE - 1) * (P / SCALE).log() - (P / SCALE) ** SHAPE
    k = torch.arange(1, len(P) + 1).to(P)
    return math.ceil(float((k * log_f.softmax(0)).sum()) - 1e-9)  # whole numbers, as flat images give, stay whole


def _moments(image: Tensor) -> tuple[Tensor, Tensor]:
    """S and m of an image in [0, 1], in grey levels; exact for 8-bit images."""
    S, m = (torch.zeros(*shape, dtype=widest(image), device=image.device) for shape in ((N**2, N**2), (N**2,)))
    for strip in image.split(strip_rows(image), dim=-2):
        X = _patches(strip * 255).flatten(0, 1).to(widest(strip))
        S, m = S + X.mT @ X, m + X.sum(0)
    n = image.numel() // N**2
    return S / n, m / n


def _patches(strip: Tensor) -> Tensor:
    """8x8 patches as vectors, `(1, 1, H, W)` to `(H/8, W/8, 64)`."""
    return blocks(strip)[0, 0].flatten(-2)


def _projected(strip: Tensor, projector: Tensor) -> Tensor:
    """Every patch times the projector; a product per row of patches, so that the strip's height changes no bit."""
    X = _patches(strip)
    X = torch.bmm(X, projector.expand(len(X), -1, -1))
    return X.unflatten(-1, (N, N)).transpose(1, 2).reshape(strip.shape)
