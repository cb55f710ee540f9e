"""The mean-scale hyperprior of Minnen et al. (2018) as CompressAI has it, with gains that make its rate variable."""

import torch
from torch import Tensor, nn

from imgredux_jndlc.parts import MeanScaleHyperprior

LEAST_SCALE = 0.11  # of a latent's normal distribution
LEAST_LIKELIHOOD = 1e-9


class Network(nn.Module):
    """Image to latents and back, and how likely these are.

    N, M: channels within and at the end of the transforms. levels: of the variable rate; each has a gain for every
    channel of the latents, by which they are multiplied before they are rounded and divided afterwards: the steps of
    the quantiser. start: the gains' value at the start, by level.
    """

    def __init__(self, N: int, M: int, start: tuple[float, ...]) -> None:
        super().__init__()
        self.core = MeanScaleHyperprior(N, M)
        self.gain = nn.Parameter(torch.tensor(start).log()[:, None].repeat(1, M))  # ln of them

    def gains(self, level: Tensor) -> Tensor:
        """The gains `(B, M, 1, 1)` at levels `(B,)`, which need not be whole: between two, the geometric mean."""
        below = level.floor().clamp(0, max(len(self.gain) - 2, 0)).long()
        above = (below + 1).clamp(max=len(self.gain) - 1)
        share = (level - below)[:, None]
        return self.gain[below].lerp(self.gain[above], share).exp()[:, :, None, None]

    def noisy(self, x: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
        """What training sees: the decoded image, and the bits `(B,)` of latents with uniform noise for rounding.

        x: `(B, 3, H, W)`, sides multiples of 64. The image is decoded from rounded latents, with a gradient as if they
        were not. Draws from torch's global generators. Under autocast only the image's side of the transforms is in
        lower precision: latents of 100 in bfloat16 are off by a quarter.
        """
        core = self.core
        y = core.g_a[:-1](x)
        with torch.autocast(x.device.type, enabled=False):
            y = core.g_a[-1](y.float()) * gains
            z_noisy, z_likely = core.entropy_bottleneck(core.h_a(y), training=True)
            scales, means = core.h_s(z_noisy).chunk(2, 1)
            noise = torch.empty_like(y).uniform_(-0.5, 0.5)
            bits = -gaussian(y - means + noise, scales).log2().sum((1, 2, 3)) - z_likely.log2().sum((1, 2, 3))
            y = core.g_s[0]((straight(y - means) + means) / gains)
        return core.g_s[1:](y).float(), bits


def gaussian(residuals: Tensor, scales: Tensor) -> Tensor:
    """The likelihood of residuals, rounded or with noise, under zero-mean normal distributions of these scales."""
    lower_bound = _Bounded.apply
    scales = lower_bound(scales, LEAST_SCALE)
    distance = residuals.abs()
    likely = torch.special.ndtr((0.5 - distance) / scales) - torch.special.ndtr((-0.5 - distance) / scales)
    return lower_bound(likely, LEAST_LIKELIHOOD)


def straight(x: Tensor) -> Tensor:
    """x rounded, with the gradient of x."""
    return x + (x.round() - x).detach()


class _Bounded(torch.autograd.Function):
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
