"""A network with gains that make its rate variable, as training sees it."""

import torch
from torch import Tensor, nn

from imgredux_jndlc.core import Core
from imgredux_jndlc.likelihood import gaussian, straight


class Network(nn.Module):
    """Image to latents and back at several levels of quality.

    levels: of the variable rate. Each has a gain for every channel of the latents, by which they are multiplied before
    they are rounded and divided afterwards. start: the gains' value at the start, by level.
    """

    def __init__(self, core: Core, start: tuple[float, ...]) -> None:
        super().__init__()
        self.core = core
        self.gain = nn.Parameter(torch.tensor(start).log()[:, None].repeat(1, core.M))  # ln of them

    def steps(self, level: Tensor) -> Tensor:
        """The steps of the quantizer, 1 over the gains, `(B, M, 1, 1)`, at levels `(B,)` that are whole or between."""
        below = level.floor().clamp(0, max(len(self.gain) - 2, 0)).long()
        above = (below + 1).clamp(max=len(self.gain) - 1)
        steps = (-self.gain).exp()
        return steps[below].lerp(steps[above], (level - below)[:, None])[:, :, None, None]

    def noisy(self, x: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """What training sees: the decoded image, and the bits `(B,)` of latents with uniform noise for rounding.

        x: `(B, 3, H, W)`, sides multiples of 64. The image is decoded from rounded latents, with a gradient as if they
        were not. Draws from torch's global generators. Under autocast only the image's side of the transforms is in
        lower precision: latents of 100 in bfloat16 are off by a quarter.
        """
        core = self.core
        y = core.g_a[:-1](x)
        with torch.autocast(x.device.type, enabled=False):
            y = core.g_a[-1](y.float()) / steps
            z = core.h_a(y)
            z = z + torch.empty_like(z).uniform_(-0.5, 0.5)
            bits = -core.entropy_bottleneck.likelihood(z).log2().sum((1, 2, 3))
            features = core.h_s(z)
            noise = torch.empty_like(y).uniform_(-0.5, 0.5)
            y_hat = torch.zeros_like(y)
            for number, mask in enumerate(core.masks(y)):
                scales, means = core.parameters_of(number, features, y_hat).chunk(2, 1)
                residuals = y - means
                spent = gaussian(residuals + noise, scales).log2()
                bits = bits - torch.where(mask, spent, 0).sum((1, 2, 3))
                y_hat = torch.where(mask, straight(residuals) + means, y_hat)
            y = core.g_s[0](y_hat * steps)
        return core.g_s[1:](y).float(), bits
