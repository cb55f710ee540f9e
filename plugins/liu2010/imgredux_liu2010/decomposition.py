"""The TV-L1 decomposition f = u + v: structure u keeps the edges of f, texture v its details.

u minimises sum |u(y, x+1) - u(y, x)| + sum |u(y+1, x) - u(y, x)| + lambda sum |u - f|. The released code finds a
minimiser by parametric maximum flow; here the primal-dual iteration of Chambolle and Pock (J. Math. Imaging Vis. 40,
120-145, 2011) approaches one, with all pixels at once.
"""

import torch
from torch import Tensor

from imgredux.ops.strips import strip_rows

STEPS = 1 / 8  # tau sigma: 1 / |gradient|^2, the greatest product for which the iteration converges
# 1 / sigma in grey levels, for equal shares of the iterations: tall steps carry black print on white away, low ones
# settle the shades of photographs. Either alone leaves several times the excess energy on images of the other kind.
REACHES = (256.0, 128.0, 64.0, 32.0, 16.0, 8.0)
_DEPTH = 16  # iterations on a window of rows while it is in the cache


def structure(f: Tensor, strength: float, iterations: int, out: Tensor | None = None) -> Tensor:
    """Structural part u of one image `(1, 1, H, W)`, both in grey levels; no gradient.

    strength: lambda; the smaller, the smoother u. What stands out leaves u when its perimeter exceeds lambda times its
    area: at 0.8, a square of less than 5 x 5 pixels. out: receives u; made when missing. Three more planes are made.
    """
    height, width = f.shape[-2:]
    u = (torch.empty_like(f) if out is None else out).copy_(f)
    ubar, p = f.clone(), f.new_zeros(2, height, width)
    for stage, reach in enumerate(REACHES):
        first, last = (iterations * n // len(REACHES) for n in (stage, stage + 1))
        _sweep(f[0, 0], u[0, 0], ubar[0, 0], p, last - first, reach, strength)
        p /= 2
    return u


def _sweep(f: Tensor, u: Tensor, ubar: Tensor, p: Tensor, iterations: int, reach: float, strength: float) -> None:
    """Iterations on the whole image, in place: what one after another gives to the last bit, with rows in the cache."""
    height, rows = len(f), strip_rows(f[None, None]) // 4
    for done in range(0, iterations, _DEPTH):
        depth = min(_DEPTH, iterations - done)
        for bottom in range(rows, height + rows + depth - 1, rows):
            # An iteration reads one row beyond those it writes: a window that climbs a row with each finds every row as
            # iterations over the whole image would have left it.
            for climbed in range(depth):
                top, end = max(bottom - rows - climbed, 0), min(bottom - climbed, height)
                if top < end:
                    _iterate(f, u, ubar, p, top, end, reach, STEPS * strength * reach)


def _iterate(f: Tensor, u: Tensor, ubar: Tensor, p: Tensor, top: int, end: int, reach: float, limit: float) -> None:
    """One iteration on rows top..end-1, in place. p: dual variables over sigma, 0 beyond the last column and row."""
    x, y = p[:, top:end]
    u, ubar_here, inner = u[top:end], ubar[top:end], max(top, 1)
    x[:, :-1].add_(ubar_here[:, 1:]).sub_(ubar_here[:, :-1])
    below = ubar[top + 1 : end + 1]
    y[: len(below)].add_(below).sub_(ubar[top : top + len(below)])
    p[:, top:end].clamp_(-reach, reach)
    new = x + y
    new[:, 1:] -= x[:, :-1]
    new[inner - top :] -= p[1, inner - 1 : end - 1]
    torch.add(u, new, alpha=STEPS, out=new)
    new -= (new - f[top:end]).clamp_(-limit, limit)
    torch.lerp(u, new, 2, out=ubar_here)  # 2 new - u
    u.copy_(new)
