"""Noise at edges: they mask less than texture does, and a map that takes one for the other puts dots there."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.ops.color import luma
from imgredux.ops.precision import widest

STEEP = 16.0  # grey levels a pixel of a strong edge
ONE_WAY = 0.8  # coherence of the gradients around it: texture has several orientations
AROUND = 5  # pixels, of the squares that this and local errors are taken over
HIGHEST = 0.99  # quantile of local errors


def strong_edges(image: Tensor) -> Tensor:
    """Where images `(B, 1 or 3, H, W)` in [0, 1] have an edge of one orientation, and a pixel around it: bool.

    Luma changes by 16 grey levels a pixel or more (Sobel), and the structure tensor of 5x5 pixels has a coherence of
    0.8 or more: (l1 - l2) / (l1 + l2) of its eigenvalues. `(B, 1, H, W)`.
    """
    kernel = image.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) * 255 / 8
    both = torch.stack([kernel, kernel.T])[:, None]
    dx, dy = F.conv2d(F.pad(luma(image), (1, 1, 1, 1), mode="replicate"), both).split(1, 1)
    xx, yy, xy = (F.avg_pool2d(z, AROUND, 1, AROUND // 2, count_include_pad=False) for z in (dx * dx, dy * dy, dx * dy))
    coherence = ((xx - yy) ** 2 + 4 * xy**2).sqrt() / (xx + yy).clamp(min=1e-6)
    steep = (dx**2 + dy**2 >= STEEP**2) & (coherence >= ONE_WAY)
    return F.max_pool2d(steep.float(), 3, 1, 1) > 0


def on_edges(noisy: Tensor, image: Tensor) -> Tensor:
    """The share of the noise's power on the strong edges of an image, `(B,)`; NaN where there is no noise."""
    power = _power(noisy, image)
    return (power * strong_edges(image)).flatten(1).sum(1) / power.flatten(1).sum(1)


def worst_local(noisy: Tensor, image: Tensor) -> Tensor:
    """The 99th percentile of the noise's rms in squares of 5x5 pixels, grey levels: `(B,)`."""
    local = F.avg_pool2d(_power(noisy, image), AROUND, 1, AROUND // 2, count_include_pad=False)
    kept = local.flatten(1).sort(1).values
    return kept[:, int(HIGHEST * (kept.shape[1] - 1))].sqrt()


def _power(noisy: Tensor, image: Tensor) -> Tensor:
    noise = 255 * (noisy - image).to(widest(image))
    return noise.square().mean(1, keepdim=True)
