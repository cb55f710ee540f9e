"""Noise at edges: they mask less than texture does, and a map that takes one for the other puts dots there."""

from torch import Tensor
from torch.nn import functional as F

from imgredux.ops.color import luma
from imgredux.ops.precision import widest
from imgredux.ops.protection import dilate
from imgredux.ops.strips import pad
from imgredux.ops.structure import sobel, strengths

STEEP = 16.0  # grey levels a pixel of a strong edge
ONE_WAY = 0.8  # coherence of the gradients around it: texture has several orientations
AROUND = 5  # pixels, of the squares that this and local errors are taken over
HIGHEST = 0.99  # quantile of local errors


def strong_edges(image: Tensor) -> Tensor:
    """Where images `(B, 1 or 3, H, W)` in [0, 1] have an edge of one orientation, and a pixel around it: bool.

    Luma changes by 16 grey levels a pixel or more (Sobel), and the structure tensor of 5x5 pixels has a coherence of
    0.8 or more: (l1 - l2) / (l1 + l2) of its eigenvalues. `(B, 1, H, W)`.
    """
    y = 255 * luma(image)
    gradient = sobel(pad(y, 1, "reflect")).square().sum(1, keepdim=True)
    large, small = strengths(y, AROUND).square().split(1, 1)
    steep = (gradient >= STEEP**2) & (large - small >= ONE_WAY * (large + small))
    return dilate(steep, 3)


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
