"""Amplitude and phase of the Fourier transform of real images, with gradients that stay finite where both vanish."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-6  # amplitudes below it count as none: orthonormal transform of images in [0, 1]


def rfft2(x: Tensor, norm: str = "ortho") -> Tensor:
    """Half spectrum of real images: `(B, C, H, W)` to complex `(B, C, H, W // 2 + 1)`, in float32 at least.

    Orthonormal unless `norm` says "backward". Half precision is widened, inside of autocast too.
    """
    with torch.autocast(x.device.type, enabled=False):
        return torch.fft.rfft2(x if x.dtype in (torch.float32, torch.float64) else x.float(), norm=norm)


def irfft2(Z: Tensor, size: tuple[int, int], norm: str = "ortho") -> Tensor:
    """Real images of the height and width `size` from the half spectra that `rfft2` gives of them."""
    return torch.fft.irfft2(Z, s=size, norm=norm)


def amplitude(Z: Tensor, eps: float = EPS) -> Tensor:
    """Amplitude of a spectrum, sqrt(R^2 + I^2 + eps^2), whose gradient at Z = 0 is 0; real, of the shape of Z."""
    return _Amplitude.apply(Z, eps)


def phase(Z: Tensor, width: int, eps: float = EPS) -> Tensor:
    """Phase of the half spectra of real images of this width, in [-pi, pi]: `(B, C, H, width // 2 + 1)`, real.

    The bins that are their own mirror image are real: their phase is 0 or pi, whatever rounding left in their imaginary
    part. The gradient is (R dI - I dR) / (R^2 + I^2 + eps^2), at most 1 / (2 eps) and 0 at Z = 0.
    """
    return _Phase.apply(Z, width, eps)


def own_mirror(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the bins of a half spectrum that are their own mirror image."""

    def place(length: int) -> slice:  # 0, and the middle of an even length
        return slice(0, 1) if length % 2 else slice(None, None, length // 2)

    return place(height), place(width)


class _Amplitude(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, Z: Tensor, eps: float) -> Tensor:  # type: ignore[override]
        A = Z.abs().square_().add_(eps**2).sqrt_()
        ctx.save_for_backward(Z, A)
        return A

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        Z, A = ctx.saved_tensors
        return Z * (grad / A), None


class _Phase(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, Z: Tensor, width: int, eps: float) -> Tensor:  # type: ignore[override]
        rows, columns = own_mirror(Z.shape[-2], width)
        phi = Z.angle()
        real = Z.real[..., rows, columns]
        phi[..., rows, columns] = torch.pi * (real < 0).to(phi)
        ctx.save_for_backward(Z)
        ctx.width, ctx.eps = width, eps
        return phi

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (Z,) = ctx.saved_tensors
        turn = grad / Z.abs().square_().add_(ctx.eps**2)
        rows, columns = own_mirror(Z.shape[-2], ctx.width)
        turn[..., rows, columns] = 0
        return torch.complex(-Z.imag * turn, Z.real * turn), None, None
