"""The TV-L1 decomposition f = u + v: structure u keeps the edges of f, texture v its details.

u minimises sum |u(y, x+1) - u(y, x)| + sum |u(y+1, x) - u(y, x)| + lambda sum |u - f|. The released code finds a
minimiser by parametric maximum flow; here the primal-dual iteration of Chambolle and Pock (J. Math. Imaging Vis. 40,
120-145, 2011) approaches one, with all pixels at once.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from imgredux.kernels import native, traced
from imgredux.ops.strips import strip_rows

STEPS = 1 / 8  # tau sigma: 1 / |gradient|^2, the greatest product for which the iteration converges
# 1 / sigma in grey levels, for equal shares of the iterations: tall steps carry black print on white away, low ones
# settle the shades of photographs. Either alone leaves several times the excess energy on images of the other kind.
REACHES = (256.0, 128.0, 64.0, 32.0, 16.0, 8.0)
_DEPTH = 16  # iterations on a window of rows while it is in the cache


def structure(f: Tensor, strength: float, iterations: int, out: Tensor | None = None) -> Tensor:
    """Structural part u of one image `(1, 1, H, W)`, both in grey levels; no gradient.

    strength: lambda; the smaller, the smoother u. What stands out leaves u when its perimeter exceeds lambda times its
    area: at 0.8, a square of less than 5 x 5 pixels. out: receives u, rows side by side in memory; made when missing.
    Three more planes are made. float32 on a CPU runs compiled where numba is installed (`pip install imgredux[fast]`),
    to the same bits.
    """
    height, width = f.shape[-2:]
    u = (torch.empty_like(f, memory_format=torch.contiguous_format) if out is None else out).copy_(f)
    ubar, x, y = u[0, 0].clone(), f.new_zeros(height, width + 1), f.new_zeros(height + 1, width)
    planes: list[Any] = [f[0, 0].contiguous(), u[0, 0], ubar, x, y]
    sweep: Callable[..., None] = _sweep
    if kernel := native("imgredux_liu2010.kernel", *planes):
        planes, sweep = [plane.detach().numpy() for plane in planes], kernel.sweep
    sweep = _recorded if traced() else sweep
    for stage, reach in enumerate(REACHES):
        first, last = (iterations * n // len(REACHES) for n in (stage, stage + 1))
        depth = last - first if traced() else _DEPTH
        for done in range(first, last, depth):
            sweep(*planes, min(depth, last - done), reach, STEPS * strength * reach)
        x /= 2
        y /= 2
    return u


def _sweep(
    f: Tensor, u: Tensor, ubar: Tensor, x: Tensor, y: Tensor, iterations: int, reach: float, limit: float
) -> None:
    """Iterations on the whole image, in place: what one after another gives to the last bit, with rows in the cache.

    x, y `(H, W + 1)` and `(H + 1, W)`: dual variables over sigma, with a column and a row of zeros before them.
    """
    height, rows = len(f), strip_rows(f[None, None]) // 4
    for bottom in range(rows, height + rows + iterations - 1, rows):
        # An iteration reads one row beyond those it writes: a window that climbs a row with each finds every row as
        # iterations over the whole image would have left it.
        for climbed in range(iterations):
            top, end = max(bottom - rows - climbed, 0), min(bottom - climbed, height)
            if top < end:
                _iterate(f, u, ubar, x, y, top, end, reach, limit)


def _recorded(
    f: Tensor, u: Tensor, ubar: Tensor, x: Tensor, y: Tensor, iterations: int, reach: float, limit: float
) -> None:
    """`_sweep` as a loop of a graph, of which the iterations would be thousands of nodes."""
    from torch._higher_order_ops.while_loop import while_loop

    def goes_on(done: Tensor, *planes: Tensor) -> Tensor:
        return done < iterations

    def iterate(done: Tensor, f: Tensor, u: Tensor, ubar: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        u, ubar, x, y = u.clone(), ubar.clone(), x.clone(), y.clone()
        _iterate(f, u, ubar, x, y, 0, f.shape[0], reach, limit)
        return done + 1, f.clone(), u, ubar, x, y

    _, _, *after = while_loop(goes_on, iterate, (torch.zeros((), dtype=torch.int64), f.clone(), u, ubar, x, y))
    for plane, new in zip((u, ubar, x, y), after, strict=True):
        plane.copy_(new)


def _iterate(
    f: Tensor, u: Tensor, ubar: Tensor, x: Tensor, y: Tensor, top: int, end: int, reach: float, limit: float
) -> None:
    """One iteration on rows top..end-1, in place."""
    right, down = x[top:end, 1:], y[top + 1 : end + 1]
    u, ubar_here = u[top:end], ubar[top:end]
    right[:, :-1].add_(ubar_here[:, 1:]).sub_(ubar_here[:, :-1])
    below = ubar[top + 1 : end + 1]
    down[: below.shape[0]].add_(below).sub_(ubar[top : top + below.shape[0]])
    right.clamp_(-reach, reach)
    down.clamp_(-reach, reach)
    new = right + down
    new -= x[top:end, :-1]
    new -= y[top:end]
    torch.add(u, new, alpha=STEPS, out=new)
    new -= (new - f[top:end]).clamp_(-limit, limit)
    torch.lerp(u, new, 2, out=ubar_here)  # 2 new - u
    u.copy_(new)
