"""Attention over all positions in memory linear in their number N: no N x N matrix is ever formed.

`attend` is exact. The row softmax is torch's fused kernel, whose plain form, which would build the matrix, is excluded.
The softmax over all entries, and devices without that kernel, go block by block with running maxima and sums; so does
their gradient, from the logarithms of the sums.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from imgredux_ddjnd.layers import widened

ROWS, COLUMNS = 256, 1024  # of the largest block of Q K^T that is in memory at once
_FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def attend(Q: Tensor, K: Tensor, V: Tensor, printed: bool = False) -> Tensor:
    """softmax(Q K^T) V, not scaled: Q `(B, N, D)`, K `(B, M, D)`, V `(B, M, C)`, C >= D, to `(B, N, C)`.

    The softmax is over each row of Q K^T; printed: over all its entries, as eq. 18 has it, so that all N rows together
    weigh 1. On the CPU and CUDA alike.
    """
    if printed or not _fusable(Q):
        out, log_sum = Streamed.apply(*map(widened, (Q, K, V)))
        if printed:  # row i of the softmax over all entries is that over the row, times its share of the sum
            out = out * log_sum.softmax(1)[..., None]
        return out.to(V.dtype)
    spare = V.shape[-1] - Q.shape[-1]
    if spare:  # zeros leave the products as they are, and the kernels take equal widths only
        Q, K = (F.pad(x, (0, spare)) for x in (Q, K))
    Q, K, V = (x.contiguous()[:, None] for x in (Q, K, V))  # of others the kernels refuse, in silence
    with sdpa_kernel(_FUSED):
        return F.scaled_dot_product_attention(Q, K, V, scale=1.0)[:, 0]


def _fusable(x: Tensor) -> bool:
    return x.device.type == "cpu" or (x.device.type == "cuda" and x.dtype != torch.float64)


class Streamed(torch.autograd.Function):
    """Row-softmax attention, block by block: Q, K, V as for `attend` to its result and ln sum_j exp(Q_i K_j)."""

    @staticmethod
    def forward(ctx: Any, Q: Tensor, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(Q.device.type, enabled=False):
            parts = [_rows(part, K, V) for part in Q.split(ROWS, 1)]
        out, log_sum = (torch.cat(part, 1) for part in zip(*parts, strict=True))
        ctx.save_for_backward(Q, K, V, out, log_sum)
        return out, log_sum

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, d_out: Tensor, d_log_sum: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        Q, K, V, out, log_sum = ctx.saved_tensors
        dQ, dK, dV = (torch.zeros_like(x) for x in (Q, K, V))
        # With P = exp(S - log_sum): dS = P (dP - offset), dP = d_out V^T, as P's rows sum to 1.
        offset = (d_out * out).sum(-1) - d_log_sum
        with torch.autocast(Q.device.type, enabled=False):
            for top in range(0, Q.shape[1], ROWS):
                i = slice(top, top + ROWS)
                for left in range(0, K.shape[1], COLUMNS):
                    j = slice(left, left + COLUMNS)
                    P = (Q[:, i] @ K[:, j].mT).sub_(log_sum[:, i, None]).exp_()
                    dV[:, j] += P.mT @ d_out[:, i]
                    dS = (d_out[:, i] @ V[:, j].mT).sub_(offset[:, i, None]).mul_(P)
                    dQ[:, i] += dS @ K[:, j]
                    dK[:, j] += dS.mT @ Q[:, i]
        return dQ, dK, dV


def _rows(Q: Tensor, K: Tensor, V: Tensor) -> tuple[Tensor, Tensor]:
    """A few rows of the result and of the logarithms, one block of columns after the other."""
    greatest = Q.new_full(Q.shape[:2], -torch.inf)
    total, weighted = torch.zeros_like(greatest), Q.new_zeros(*Q.shape[:2], V.shape[-1])
    for k, v in zip(K.split(COLUMNS, 1), V.split(COLUMNS, 1), strict=True):
        S = Q @ k.mT
        before, greatest = greatest, torch.maximum(greatest, S.amax(-1))
        shrink, P = (before - greatest).exp(), S.sub_(greatest[..., None]).exp_()
        total = total * shrink + P.sum(-1)
        weighted = weighted * shrink[..., None] + P @ v
    return weighted / total[..., None], greatest + total.log()
