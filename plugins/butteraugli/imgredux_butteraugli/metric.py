"""butteraugli: how far two images look apart at 80 cd/m2, 1.0 at about the first difference that is seen.

Source of formulas and constants: J. Alakuijala et al., `lib/extras/butteraugli.cc` of github.com/google/jpegli at
031a0077 (BSD-3-Clause), which is libjxl's; there is no paper of this version. Letters: X, Y and B are red-green,
intensity and blue; lf, mf, hf and uhf the bands from low to ultra-high frequencies.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from imgredux.metrics.pairs import measured
from imgredux_butteraugli.filters import HIGH, LOW, blurred, eroded, halved, lines

SMALLEST = 8  # pixels of the shorter side: below, the program's own values are nonsense, as it says
NITS = 80.0  # of white
COARSE = 0.5  # weight of the map at half the size
SHARED = 0.3  # of it is taken from the fine one

# Photopsin absorbance of linear RGB, with what is there in the dark.
ABSORBANCE = (
    (0.29956550340058319, 0.63373087833825936, 0.077705617820981968),
    (0.22158691104574774, 0.69391388044116142, 0.0987313588422),
    (0.02, 0.02, 0.20480129041026129),
)
DARK = (1.7557483643287353, 1.7557483643287353, 12.226454707163354)
GAMMA_MUL, GAMMA_BIAS, GAMMA_ADD = 19.245013259874995, 9.9710635769299145, -23.16046239805755
ADAPTATION_SIGMA = 1.2
LF_SIGMA, HF_SIGMA, UHF_SIGMA = 7.15593339443, 3.22489901262, 1.56416327805
LF_SCALE, LF_Y_TO_B = (33.832837186260, 14.458268100570, 49.87984651440), -0.362267051518
QUIET_MF_X, LOUD_MF_Y = 0.29, 0.1
SUPPRESS, SUPPRESS_LEAST = 46.0, 0.653020556257
QUIET_HF_X, QUIET_UHF_X, LOUD_HF_Y = 1.5, 0.04, 0.132
CLAMP_HF_Y, CLAMP_UHF_Y, BEYOND = 28.4691806922, 5.19175294647, 0.724216145665
MUL_HF_Y, MUL_UHF_Y = 2.155, 2.69313763794

L2_HF = (400.0, 1.50815703118)  # X, Y
L2_MF = (2150.0, 10.6195433239, 16.2176043152)  # X, Y, B
L2_LF = (29.2353797994, 0.844626970982, 0.703646627719)
ASYMMETRIC = 0.8

MASK_MUL, MASK_BIAS, MASK_SIGMA = 6.19424080439, 12.61050594197, 2.7
MASK_X, MASK_Y = 2.5, 0.4
MASK_TO_ERROR = 10.0
GLOBAL = 1 / (17.83 * 0.79079917404)


class Lines(NamedTuple):
    """Weight and norm of a band's differences along lines."""

    weight: float
    norm: float


MF_Y, MF_X = Lines(37.0819870399, 130262059.556), Lines(8246.75321353, 1009002.70582)
HF_Y, HF_X = Lines(18.7237414387, 4498534.45232), Lines(6923.99476109, 8051.15833247)
UHF_Y, UHF_X = Lines(1.10039032555, 71.7800275169), Lines(173.5, 5.0)
LOW_MUL, HIGH_MUL, LENGTH = 0.611612573796, 0.39905817637, 8.5


class Bands(NamedTuple):
    """An image by frequencies: lf and mf `(B, 3, H, W)` of X, Y, B; hf and uhf `(B, 2, H, W)` of X, Y."""

    lf: Tensor
    mf: Tensor
    hf: Tensor
    uhf: Tensor


@measured(SMALLEST, (1, 3))
def butteraugli(image: Tensor, reference: Tensor) -> Tensor:
    """butteraugli of sRGB images, `(B,)`: the largest value of the map; 0 for equal images, lower is better.

    image, reference: `(B, C, H, W)` in [0, 1], C = 1 or 3; grey is three equal channels. Differentiable. Raises
    ImageError for shapes that do not fit, and for a side below 8.
    """
    return _map(image, reference).flatten(1).amax(1)


@measured(SMALLEST, (1, 3))
def butteraugli_3norm(image: Tensor, reference: Tensor) -> Tensor:
    """`butteraugli`'s map by the mean of its 3-, 6- and 12-norms, `(B,)`, as the program's `3-norm`."""
    d = _map(image, reference).flatten(1).double() ** 3
    norms = [(d**power).mean(1) ** (1 / (3 * power)) for power in (1, 2, 4)]
    return (torch.stack(norms).mean(0)).to(image)


def _map(image: Tensor, reference: Tensor) -> Tensor:
    """The map of differences `(B, 1, H, W)`, at two sizes together."""
    x, y = _linear(reference), _linear(image)
    fine = _at_one_size(x, y)
    if min(x.shape[-2:]) < 2 * SMALLEST - 1:
        return fine
    coarse = _at_one_size(halved(x), halved(y)).repeat_interleave(2, -2).repeat_interleave(2, -1)
    return fine * (1 - SHARED * COARSE) + COARSE * coarse[..., : x.shape[-2], : x.shape[-1]]


def _linear(x: Tensor) -> Tensor:
    x = x.expand(-1, 3, -1, -1).clamp(0, 1)
    return torch.where(x > 0.04045, ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, x / 12.92)


def _at_one_size(x: Tensor, y: Tensor) -> Tensor:
    """The map of linear RGB images, the first one the reference."""
    a, b = _bands(_opponent(x)), _bands(_opponent(y))
    ac = lines(_directed(a.uhf[:, 1:], b.uhf[:, 1:], UHF_Y, HIGH_MUL), HIGH)
    ac = ac + lines(_directed(a.uhf[:, :1], b.uhf[:, :1], UHF_X, HIGH_MUL), HIGH)
    for theirs, ours, X, Y in ((a.hf, b.hf, HF_X, HF_Y), (a.mf, b.mf, MF_X, MF_Y)):
        ac = ac + lines(_directed(theirs[:, 1:2], ours[:, 1:2], Y, LOW_MUL), LOW)
        ac = ac + lines(_directed(theirs[:, :1], ours[:, :1], X, LOW_MUL), LOW)
    ac = ac + _asymmetric(a.hf, b.hf) + _squares(a.mf, b.mf, L2_MF)
    dc = _squares(a.lf, b.lf, L2_LF)
    masks = [blurred(_activity(one), MASK_SIGMA) for one in (a, b)]
    ac = ac + MASK_TO_ERROR * (masks[0] - masks[1]) ** 2
    mask = eroded(masks[0])
    total = dc * _weight(mask, 0.505054525019, 3.87449418804, 0.20025578522)
    total = total + ac * _weight(mask, 2.5485944793, 0.451936922203, 0.829591754942)
    some = total > 0
    return torch.where(some, torch.where(some, total, 1).sqrt(), 0)


def _opponent(rgb: Tensor) -> Tensor:
    """X, Y, B of what photopsins absorb, adapted to what is around a pixel."""
    rgb = NITS * rgb
    dark = _column(DARK, rgb)
    around = _absorbed(blurred(rgb, ADAPTATION_SIGMA)).maximum(dark)
    sensitivity = ((GAMMA_MUL * (around + GAMMA_BIAS).log() + GAMMA_ADD) / around).clamp(min=1e-4)
    first, second, blue = (_absorbed(rgb) * sensitivity).maximum(dark).split(1, 1)
    return torch.cat([first - second, first + second, blue], 1)


def _absorbed(rgb: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", rgb.new_tensor(ABSORBANCE), rgb) + _column(DARK, rgb)


def _bands(xyb: Tensor) -> Bands:
    lf = blurred(xyb, LF_SIGMA)
    rest = xyb - lf
    mf = blurred(rest, HF_SIGMA)
    hf = (rest - mf)[:, :2]
    mf = torch.cat([_quiet(mf[:, :1], QUIET_MF_X), _loud(mf[:, 1:2], LOUD_MF_Y), mf[:, 2:]], 1)
    x, y = hf.split(1, 1)
    x = x * (SUPPRESS / (y * y + SUPPRESS) * (1 - SUPPRESS_LEAST) + SUPPRESS_LEAST)
    slow = blurred(torch.cat([x, y], 1), UHF_SIGMA)
    slow_x, slow_y = slow.split(1, 1)
    fast_x = _quiet(x - slow_x, QUIET_UHF_X)
    slow_y = _limited(slow_y, CLAMP_HF_Y)
    fast_y = _limited(y - slow_y, CLAMP_UHF_Y) * MUL_UHF_Y
    hf = torch.cat([_quiet(slow_x, QUIET_HF_X), _loud(slow_y * MUL_HF_Y, LOUD_HF_Y)], 1)
    blue = lf[:, 2:] + LF_Y_TO_B * lf[:, 1:2]
    lf = torch.cat([lf[:, :2], blue], 1) * _column(LF_SCALE, lf)
    return Bands(lf, mf, hf, torch.cat([fast_x, fast_y], 1))


def _quiet(x: Tensor, width: float) -> Tensor:
    """Nothing within a width of zero, and the rest nearer to it by that."""
    return x - x.clamp(-width, width)


def _loud(x: Tensor, width: float) -> Tensor:
    """Twice as much within a width of zero, and the rest farther from it by that."""
    return x + x.clamp(-width, width)


def _limited(x: Tensor, most: float) -> Tensor:
    inside = x.clamp(-most, most)
    return inside + BEYOND * (x - inside)


def _directed(a: Tensor, b: Tensor, band: Lines, mul: float) -> Tensor:
    """Differences of a band with their sign: more where b lost much of what a has, or has more than it."""
    size = band.norm / (band.norm + 0.5 * (a.abs() + b.abs()))
    first, second = (mul * (share * band.weight) ** 0.5 / LENGTH for share in (0.5, 0.33))
    sign, lost, more = _one_sided(a, b, 0.55, 1.05)
    return size * (first * (a - b) + second * sign * (lost - more))


def _one_sided(a: Tensor, b: Tensor, least: float, most: float) -> tuple[Tensor, Tensor, Tensor]:
    """The sign of a, 1 at 0; by how much b, in its direction, is below `least` times a, or above `most` times a."""
    sign = torch.where(a < 0, -1.0, 1.0)
    size, along = a.abs(), sign * b
    return sign, (least * size - along).clamp(min=0), (along - most * size).clamp(min=0)


def _asymmetric(a: Tensor, b: Tensor) -> Tensor:
    _, lost, more = _one_sided(a, b, 0.4, 1.0)
    return _weighted((a - b) ** 2 + lost**2 + more**2, L2_HF) * ASYMMETRIC


def _squares(a: Tensor, b: Tensor, weights: tuple[float, ...]) -> Tensor:
    return _weighted((a - b) ** 2, weights)


def _weighted(x: Tensor, weights: tuple[float, ...]) -> Tensor:
    return (x * _column(weights, x)).sum(1, keepdim=True)


def _activity(one: Bands) -> Tensor:
    """What masks, from the two highest bands: `(B, 1, H, W)`."""
    x = MASK_X * (one.uhf[:, :1] + one.hf[:, :1])
    y = MASK_Y * (one.uhf[:, 1:] + one.hf[:, 1:])
    bias = MASK_MUL * MASK_BIAS
    square = x * x + y * y
    size = torch.where(square > 0, torch.where(square > 0, square, 1).sqrt(), 0)
    return (MASK_MUL * size + bias).sqrt() - bias**0.5


def _weight(mask: Tensor, mul: float, scale: float, offset: float) -> Tensor:
    return (GLOBAL * (1 + mul / (scale * mask + offset))) ** 2


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values)[:, None, None]
