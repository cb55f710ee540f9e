"""The factorized prior of hyper-latents: Balle, Minnen, Singh, Hwang, Johnston, Variational image compression with a
scale hyperprior, ICLR 2018, appendix 6.1. Parameters are named as in CompressAI.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux_jndlc.likelihood import LEAST_LIKELIHOOD, Bounded

WIDTHS = (1, 3, 3, 3, 3, 1)  # of the layers of each channel's cumulative distribution
SPREAD = 10.0  # of the distributions at the start
TAIL = 1e-9  # probability beyond the outer quantiles, together
FARTHEST = 1e5  # where quantiles are looked for


class EntropyBottleneck(nn.Module):
    """A distribution over the reals for each channel, by its cumulative function, and how likely whole steps of it are.

    quantiles: `(C, 1, 3)`, the lower, the median and the upper one; found by `find_quantiles` when training is done.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        scale = SPREAD ** (1 / (len(WIDTHS) - 1))
        sides = list(zip(WIDTHS[1:], WIDTHS[:-1], strict=True))
        self.matrices = nn.ParameterList(
            torch.full((channels, rows, columns), math.log(math.expm1(1 / scale / rows))) for rows, columns in sides
        )
        self.biases = nn.ParameterList(torch.rand(channels, rows, 1) - 0.5 for rows, _ in sides)
        self.factors = nn.ParameterList(torch.zeros(channels, rows, 1) for rows, _ in sides[:-1])
        self.quantiles = nn.Parameter(torch.tensor([-SPREAD, 0.0, SPREAD]).repeat(channels, 1, 1))

    @property
    def medians(self) -> Tensor:
        """`(C, 1, 1)`, without a gradient."""
        return self.quantiles[:, :, 1:2].detach()

    def logits(self, x: Tensor) -> Tensor:
        """The logit of the probability of less than x, `(C, 1, n)`."""
        for place, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = F.softplus(matrix) @ x + bias
            if place < len(self.factors):
                x = x + self.factors[place].tanh() * x.tanh()
        return x

    def likelihood(self, z: Tensor) -> Tensor:
        """The probability of a step of width 1 about each value of `(B, C, h, w)`."""
        values = z.transpose(0, 1).reshape(z.shape[1], 1, -1)
        lower, upper = self.logits(values - 0.5), self.logits(values + 0.5)
        sign = -(lower + upper).sign().detach()  # where both are near 1, their complements are not rounded away
        likely = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        likely = likely.view(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)
        return Bounded.apply(likely, LEAST_LIKELIHOOD)  # pyright: ignore[reportReturnType]

    @torch.no_grad()
    def find_quantiles(self) -> None:
        """Set the quantiles, by bisection."""
        edge = math.log(2 / TAIL - 1)
        targets = self.quantiles.new_tensor([-edge, 0.0, edge], dtype=torch.float64)
        double = EntropyBottleneck(self.channels).to(self.quantiles.device).double()
        double.load_state_dict(self.state_dict())
        low = torch.full_like(double.quantiles, -FARTHEST)
        high = -low
        for _ in range(60):
            middle = (low + high) / 2
            below = double.logits(middle) < targets
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        self.quantiles.copy_((low + high) / 2)
