"""Quantisation tables by distance, in units of the just noticeable difference.

The shape of the tables, and how they grow, are jpegli's (google/jpegli, BSD-3-Clause, `lib/jpegli/quant.cc`: base
matrices of YCbCr and the exponents of their growth), corrected by factors that a search on training images found:
`python -m imgredux_jndjpeg.fit` goes on from them.
"""

import math

import torch
from torch import Tensor

GLOBAL = 1.7397  # jpegli's factor on all of them
LINEAR = 1.5  # distance up to which all steps grow alike
LARGEST = 255  # step of a baseline JPEG

# Y, Cb, Cr; rows are vertical frequencies.
BASE = (
    *(1.2397, 1.7227, 2.9212, 2.8127, 3.3398, 3.4636, 3.8409, 3.8696),
    *(1.7227, 2.0929, 2.8457, 2.7045, 3.4408, 3.1662, 4.0252, 4.0353),
    *(2.9212, 2.8457, 2.9587, 3.3863, 3.6195, 3.9046, 3.7578, 4.2374),
    *(2.8127, 2.7045, 3.3863, 3.3801, 4.1680, 4.8055, 4.7843, 4.6059),
    *(3.3398, 3.4408, 3.6195, 4.1680, 4.5799, 4.9232, 5.5741, 5.4853),
    *(3.4636, 3.1662, 3.9046, 4.8055, 4.9232, 5.4394, 5.0939, 6.0872),
    *(3.8409, 4.0252, 3.7578, 4.7843, 5.5741, 5.0939, 5.4385, 5.4037),
    *(3.8696, 4.0353, 4.2374, 4.6059, 5.4853, 6.0872, 5.4037, 4.3779),
    *(2.8236, 6.4956, 9.3105, 10.6475, 11.0742, 17.1464, 18.4640, 29.0870),
    *(6.4956, 8.8901, 8.9769, 13.6663, 16.5471, 16.6387, 26.7784, 21.3303),
    *(9.3105, 8.9769, 11.0874, 18.2055, 19.7525, 23.9857, 102.6457, 24.4510),
    *(10.6475, 13.6663, 18.2055, 18.6280, 16.0425, 25.0492, 25.0171, 35.7979),
    *(11.0742, 16.5471, 19.7525, 16.0425, 19.3735, 14.6775, 19.9470, 51.0941),
    *(17.1464, 16.6387, 23.9857, 25.0492, 14.6775, 31.3204, 46.3572, 67.4811),
    *(18.4640, 26.7784, 102.6457, 25.0171, 19.9470, 46.3572, 61.3158, 88.3467),
    *(29.0870, 21.3303, 24.4510, 35.7979, 51.0941, 67.4811, 88.3467, 112.1610),
    *(2.9217, 4.4977, 7.3563, 6.5839, 8.5356, 8.7994, 9.1883, 9.4827),
    *(4.4977, 6.3095, 7.0246, 7.1564, 8.0491, 7.0124, 6.7119, 8.3803),
    *(7.3563, 7.0246, 6.8921, 6.8828, 8.7822, 6.8775, 7.8858, 8.6791),
    *(6.5839, 7.1564, 6.8828, 7.0031, 7.7223, 7.9554, 7.4734, 8.3629),
    *(8.5356, 8.0491, 8.7822, 7.7223, 6.7780, 9.4849, 9.0437, 8.0532),
    *(8.7994, 7.0124, 6.8775, 7.9554, 9.4849, 8.6076, 9.9227, 64.2514),
    *(9.1883, 6.7119, 7.8858, 7.4734, 9.0437, 9.9227, 63.1849, 83.3529),
    *(9.4827, 8.3803, 8.6791, 8.3629, 8.0532, 64.2514, 83.3529, 114.8920),
)
# How fast a step grows beyond that distance: 1 as the distance, less where errors are seen more.
GROWTH = (
    *(1, 0.51, 0.67, 0.74, 1, 1, 1, 1),
    *(0.51, 0.66, 0.69, 0.87, 1, 1, 1, 1),
    *(0.67, 0.69, 0.84, 0.83, 0.96, 1, 1, 1),
    *(0.74, 0.87, 0.83, 1, 1, 0.91, 0.91, 1),
    *(1, 1, 0.96, 1, 1, 1, 1, 1),
    *(1, 1, 1, 0.91, 1, 1, 1, 1),
    *(1, 1, 1, 0.91, 1, 1, 1, 1),
    *(1, 1, 1, 1, 1, 1, 1, 1),
)

# Bands of frequencies (i, j) that one factor corrects, by s = i + j; those of luma are finer where most bits go.
LUMA_BANDS, CHROMA_BANDS = 7, 4
FACTORS = (
    *(0.32, 0.32, 0.43, 0.36, 0.34, 0.44, 0.44),
    *(-0.17, 0.47, -0.07, 0.12),
    *(0.12, 0.32, 0.27, 0.78),
)  # ln of them: Y, Cb, Cr, from `FAR` on
NEAR_FACTORS = (
    *(0.40, 0.24, 0.19, 0.00, 0.50, 0.24, 0.40),
    *(0.15, 0.67, 0.57, 0.52),
    *(0.12, 0.40, 0.51, 0.78),
)  # up to `NEAR`; between the two they change with the logarithm of the distance
TRADE, NEAR_TRADE = 0.08, 0.06  # squared steps for a bit of luma, likewise
NEAR, FAR = 0.6, 1.3
# ln of further factors on the steps of Cb and Cr where these have half the size.
HALF_FACTORS = (
    *(-1.10, -1.10, -1.10, -1.02),
    *(-0.78, -0.90, -1.42, -0.90),
)


def bands() -> Tensor:
    """Which of `FACTORS` is for each step: int64 `(3, 8, 8)`."""
    i, j = torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij")
    s = i + j
    luma = torch.where(s <= 7, 5, 6).where(s > 4, 4).where((s > 2) & ((s > 3) | (i * j == 0)), 3)
    luma[0, 0], luma[0, 1], luma[1, 0], luma[1, 1] = 0, 1, 1, 2
    chroma = torch.where(s <= 7, 2, 3).where(s > 3, 1)
    chroma[0, 0] = 0
    return torch.stack([luma, LUMA_BANDS + chroma, LUMA_BANDS + CHROMA_BANDS + chroma])


def factors_at(distance: float) -> tuple[float, ...]:
    """ln of the factors at a distance."""
    far = _farness(distance)
    return tuple((1 - far) * a + far * b for a, b in zip(NEAR_FACTORS, FACTORS, strict=True))


def trade_at(distance: float) -> float:
    """Squared steps that a bit of luma is worth at a distance."""
    far = _farness(distance)
    return NEAR_TRADE ** (1 - far) * TRADE**far


def _farness(distance: float) -> float:
    """From 0 at `NEAR` to 1 at `FAR`."""
    return min(max(math.log(distance / NEAR) / math.log(FAR / NEAR), 0.0), 1.0)


def tables(distance: float, factors: tuple[float, ...] | None = None, half: tuple[float, ...] | None = None) -> Tensor:
    """Steps of Y, Cb and Cr at a distance: whole numbers from 1 to 255, float32 `(3, 8, 8)`, rows vertical.

    factors: ln of them, in place of those of the distance. half: `HALF_FACTORS`, or others, for Cb and Cr of half the
    size, whose errors are wider and seen more.
    """
    base, growth = torch.tensor(BASE).view(3, 8, 8), torch.tensor(GROWTH).view(8, 8)
    scale = torch.full((8, 8), distance)
    if distance >= LINEAR:
        scale = (LINEAR ** (1 - growth) * distance**growth).clamp(min=distance / 2)
    corrected = base * torch.tensor(factors or factors_at(distance))[bands()].exp()
    if half:
        corrected *= torch.tensor((0.0,) * LUMA_BANDS + half)[bands()].exp()
    return (GLOBAL * corrected * scale).round_().clamp_(1, LARGEST)
