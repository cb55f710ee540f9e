"""What a pixel's surroundings say about it: the two predictors of Wu et al. (2013)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from imgredux.kernels import native, traced
from imgredux.ops.precision import widest
from imgredux.ops.strips import in_strips, pad, strip_rows

_PATCH, _SEARCH = 3, 10  # radii: patches of 7x7, candidates in 21x21
_HALO = _PATCH + _SEARCH
_TILE = {"cpu": (128, 768)}  # one candidate's plane stays in a second-level cache
_DEVICE_TILE = (1024, 1024)
_ROWS = 64  # of a strip that one thread takes
_NEVER = 1e9  # exceeds any sum of squared differences, 49 * 255**2
_VANISHING = -80.0  # exp of less is slow (subnormal numbers) and changes nothing

_HALF_OF_11X11 = [(dy, dx) for dy in range(6) for dx in range(-5, 6) if (dy, dx) > (0, 0)]  # the rest mirrors it
_LEVELS = 256


def similar_patches(F: Tensor, sigma2: Tensor) -> Tensor:
    """Prediction from the pixels around that look alike (non-local means): whole grey levels to whole grey levels.

    F: `(B, 1, H, W)`, whole numbers 0..255. sigma2: `(B, 1, H, W)`, squared grey levels that a patch may differ by.
    Returns, rounded, halves up, in the shape of F:

        F_ar = (sum_u w_u F_u + w_max F) / (sum_u w_u + w_max),   w_u = exp(-mean SSD_u / sigma2)

    over the 440 neighbours u of a 21x21 window, with patches of 7x7 and mirrored borders. Only ratios of weights count,
    so they are kept relative to the greatest: in contrasty texture all of them would underflow, and F_ar be 0 / 0.

    With numba, float32 on a CPU runs compiled, on as many threads as torch uses. Sums of squares are exact either way:
    the same prediction, but for pixels that lie on a tie, such as (F + F_u) / 2, to the last bit (1 in 10,000 or so).
    """
    kernel = native("imgredux_wu2013.kernel", F, sigma2)
    out = torch.empty_like(F, memory_format=torch.contiguous_format)
    for image, variance, result in zip(F.split(1), sigma2.split(1), out.split(1), strict=True):
        planes = pad(image, _HALO, border="symmetric")[0, 0].contiguous(), variance[0, 0].contiguous(), result[0, 0]
        if kernel:
            _in_threads(kernel.predict_rows, *planes)
        else:
            _in_tiles(*planes)
    return out.add_(0.5).floor_()


def _in_threads(predict_rows: Callable[..., None], *planes: Tensor) -> None:
    arrays = [plane.numpy() for plane in planes]
    height = len(arrays[-1])
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        list(threads.map(lambda top: predict_rows(*arrays, top, min(top + _ROWS, height)), range(0, height, _ROWS)))


def _in_tiles(padded: Tensor, sigma2: Tensor, out: Tensor) -> None:
    rows, columns = out.shape if traced() else _TILE.get(out.device.type, _DEVICE_TILE)
    for top in range(0, out.shape[0], rows):
        for left in range(0, out.shape[1], columns):
            tile = slice(top, top + rows), slice(left, left + columns)
            around = padded[top : top + rows + 2 * _HALO, left : left + columns + 2 * _HALO]
            out[tile] = _predict(around, sigma2[tile])


def _predict(padded: Tensor, sigma2: Tensor) -> Tensor:
    """The prediction `(h, w)` of a tile, not rounded, from the tile with its halo `(h + 26, w + 26)`."""
    h, w = sigma2.shape
    gain = 1 / ((2 * _PATCH + 1) ** 2 * sigma2)
    least, num, den = torch.full_like(gain, _NEVER), torch.zeros_like(gain), torch.zeros_like(gain)
    weight = torch.empty_like(gain)
    for dy in range(_SEARCH + 1):
        candidates = _candidates(padded, dy, h, w)
        before = least.clone()
        for ssd, _ in candidates:
            torch.minimum(least, ssd, out=least)
        shrink = ((least - before) * gain).exp_()
        num *= shrink
        den *= shrink
        for ssd, F_u in candidates:
            torch.sub(least, ssd, out=weight).mul_(gain).clamp_(min=_VANISHING).exp_()
            den += weight
            num.addcmul_(weight, F_u)
    F = padded[_HALO : _HALO + h, _HALO : _HALO + w]
    return (num + F) / (den + 1)


def _candidates(padded: Tensor, dy: int, h: int, w: int) -> list[tuple[Tensor, Tensor]]:
    """Sum of squared patch differences and value of each neighbour `dy` rows below or above, all `(h, w)`.

    The patches at x and x - u differ as those at x - u and (x - u) + u do, so one sum serves the neighbours u and -u.
    """
    near, far = _SEARCH, _SEARCH + 2 * _PATCH  # the rows of padded in a patch of the first row: near..far
    found = []
    for dx in range(-_SEARCH if dy else 1, _SEARCH + 1):
        right, left = max(dx, 0), max(-dx, 0)
        here = padded[near - dy : far + h, near - right : far + w + left]
        there = padded[near : far + h + dy, near - right + dx : far + w + left + dx]
        ssd = _box((here - there).square_())
        for rows, columns, sign in ((dy, right, 1), (0, left, -1)):
            y, x = _HALO + sign * dy, _HALO + sign * dx
            found.append((ssd[rows : rows + h, columns : columns + w], padded[y : y + h, x : x + w]))
    return found


def _box(x: Tensor) -> Tensor:
    """Sums over 7x7, 6 smaller on both axes: four additions for seven terms, exact on whole numbers."""
    for dim in (0, 1):
        n = x.shape[dim] - 6
        pairs = x.narrow(dim, 0, n + 5) + x.narrow(dim, 1, n + 5)
        x = (pairs.narrow(dim, 0, n) + pairs.narrow(dim, 2, n)).add_(pairs.narrow(dim, 4, n)).add_(x.narrow(dim, 6, n))
    return x


def informative_neighbors(F: Tensor) -> Tensor:
    """Autoregressive prediction from the 120 neighbours in 11x11, `F'(x) = sum_k C_k F(x_k)`, borders mirrored.

    F: `(B, 1, H, W)`, whole grey levels 0..255. Returns grey levels, not rounded, the shape of F.
    """
    out = torch.empty_like(F)
    for image, result in zip(F.split(1), out.split(1), strict=True):
        average = partial(functional.conv2d, weight=_coefficients(image))
        in_strips(average, image, halo=5, border="symmetric", out=result)
    return out


def _coefficients(F: Tensor) -> Tensor:
    """C_k = I(x; x_k) / sum_k I(x; x_k) as a kernel `(1, 1, 11, 11)`, zero at the centre.

    The paper does not say from which samples the mutual information is estimated. We take all pairs of the image that
    lie so far apart: no parameter, and C_k = C_-k. Neighbours of equal, or no, information weigh the same.
    """
    levels = F[0, 0].int()
    C = torch.zeros(11, 11, dtype=widest(F), device=F.device)
    for dy, dx in _HALF_OF_11X11:
        C[5 + dy, 5 + dx] = C[5 - dy, 5 - dx] = _mutual_information(levels, dy, dx)
    if C.sum() == 0:
        C.fill_(1)[5, 5] = 0
    return (C / C.sum()).to(F.dtype)[None, None]


def _mutual_information(F: Tensor, dy: int, dx: int) -> Tensor:
    """Mutual information, in nats, of the levels in F `(H, W)` of pixels `(dy, dx)` apart, by their joint histogram."""
    height, width = max(F.shape[0] - dy, 0), max(F.shape[1] - abs(dx), 0)
    joint = torch.zeros(_LEVELS**2, dtype=torch.int64, device=F.device)
    rows = strip_rows(F)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        x = F[top:bottom, max(-dx, 0) :][:, :width]
        x_k = F[top + dy : bottom + dy, max(dx, 0) :][:, :width]
        joint += torch.bincount((x * _LEVELS + x_k).flatten(), minlength=_LEVELS**2)
    p = joint.to(widest(joint)).view(_LEVELS, _LEVELS) / joint.sum().clamp(min=1)
    H = torch.special.entr
    return (H(p.sum(0)).sum() + H(p.sum(1)).sum() - H(p).sum()).clamp(min=0)
