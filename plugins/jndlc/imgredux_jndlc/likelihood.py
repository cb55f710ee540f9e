"""How likely rounded latents are, and the gradients of what has none."""

import torch
from torch import Tensor

LEAST_SCALE = 0.11  # of a latent's normal distribution
LEAST_LIKELIHOOD = 1e-9


def gaussian(residuals: Tensor, scales: Tensor) -> Tensor:
    """The likelihood of residuals, rounded or with noise, under zero-mean normal distributions of these scales."""
    bounded = Bounded.apply
    scales = bounded(scales, LEAST_SCALE)
    distance = residuals.abs()
    likely = torch.special.ndtr((0.5 - distance) / scales) - torch.special.ndtr((-0.5 - distance) / scales)
    return bounded(likely, LEAST_LIKELIHOOD)


def straight(x: Tensor) -> Tensor:
    """x rounded, with the gradient of x."""
    return x + (x.round() - x).detach()


def in_place_of(x: Tensor, value: Tensor) -> Tensor:
    """The value, with the gradient of x."""
    return x + (value - x).detach()


class Bounded(torch.autograd.Function):
    """max(x, bound); a gradient that would raise x passes below the bound too."""

    @staticmethod
    def forward(ctx, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx, *grads: Tensor):
        (x,) = ctx.saved_tensors
        return grads[0] * ((x >= ctx.bound) | (grads[0] < 0)), None
