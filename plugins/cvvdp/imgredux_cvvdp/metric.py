"""ColorVideoVDP of still images: how far two images look apart on a display, in just-objectionable differences.

R. K. Mantiuk, P. Hanji, M. Ashraf, Y. Asano, A. Chapiro, "ColorVideoVDP: A visual difference predictor for image, video
and display distortions", ACM Trans. Graph. 43(4), 2024. Constants: those of version 0.5.7, calibrated on 2024-10-01.
Our letters are the paper's: T and R for test and reference, S for sensitivity, D for differences.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.metrics.pairs import measured
from imgredux_cvvdp.pyramid import Pyramid

SMALLEST = 16  # pixels of the shorter side: less has no levels
# sRGB primaries to XYZ, XYZ to cone responses (CIE 2006), and these to luminance, red-green and violet-yellow at D65.
RGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
XYZ_TO_LMS = (
    (0.187596268556126, 0.585168649077728, -0.026384263306304),
    (-0.133397430663221, 0.405505777260049, 0.034502127690364),
    (0.000244379021663, -0.000542995890619, 0.019406849066323),
)
LMS_TO_DKL = ((1.0, 1.0, 0.0), (1.0, -2.311130179947035, 0.0), (-1.0, -1.0, 50.977571328718781))
REFLECTED = 0.005  # of the light that falls on the display

GAIN = (1.0, 1.45, 1.0)  # of the channels: luminance, red-green, violet-yellow
SENSITIVITY_DB = -0.2797423303127289
MASK_P, MASK_C = 2.264355182647705, -0.7954971194267273
MASK_Q = (1.302622675895691, 2.8885908126831055, 3.6807713508605957)
# Base-2 logarithms of how much a channel (row) masks another (column).
CROSS = (
    (-0.18950104713439941, -5.962151050567627, -4.31834602355957),
    (2.5655593872070312, 0.34406712651252747, -2.719646453857422),
    (3.8118371963500977, -1.0051705837249756, -0.5193376541137695),
)
BLUR_SIGMA, BLUR_RADIUS = 3.0, 6  # pixels of a band over which masking is spread
LARGEST = 2.5642454624176025  # base-10 logarithm of what differences tend to
BASE_BAND = (0.0036334486212581396, 1.6627724170684814, 4.11874532699585)
BETA, BETA_BANDS, BETA_CHANNELS = 2.0, 4.0, 4.0
STILL = 0.577918291091919  # what an image counts beside a video
JOD_A, JOD_EXPONENT, JOD_LINEAR = 0.0439569391310215, 0.9302042722702026, 0.1
TINY = 1e-5


class Display(NamedTuple):
    """A display and who looks at it.

    ppd: pixels per degree of the visual field. peak: cd/m2 of white. contrast: white over black in the dark. ambient:
    lux that fall on it. The default is a 4K display of 30 inches at 0.75 m in an office: ColorVideoVDP's standard_4k.
    """

    ppd: float = 75.4
    peak: float = 200.0
    contrast: float = 1000.0
    ambient: float = 250.0

    @classmethod
    def of(cls, pixels_across: int, meters_across: float, distance: float) -> "Display":
        """The display of this many pixels and this width, seen from a distance in meters."""
        degrees = 2 * math.degrees(math.atan(0.5 * meters_across / pixels_across / distance))
        return cls(1 / degrees)


def _of_inches(width: int, height: int, inches: float, distance: float) -> Display:
    return Display.of(width, 0.0254 * inches * width / math.hypot(width, height), distance)


STANDARD_4K = _of_inches(3840, 2160, 30, 0.7472)
STANDARD_FHD = _of_inches(1920, 1080, 24, 0.6)


@measured(SMALLEST, (1, 3))
def cvvdp(image: Tensor, reference: Tensor, display: Display = STANDARD_4K) -> Tensor:
    """ColorVideoVDP's quality of sRGB images, `(B,)` JOD, at most 10: no difference is seen.

    image, reference: `(B, C, H, W)` in [0, 1], C = 1 or 3; a grey image is shown as three equal channels. One JOD less
    is a difference that 75 % of people see in a choice of two. Differentiable. Raises ImageError for shapes that do not
    fit, and for a side below 16.
    """
    return _quality(image, reference, display)


@measured(SMALLEST, (1, 3))
def cvvdp_fhd(image: Tensor, reference: Tensor) -> Tensor:
    """`cvvdp` on a display of 24 inches and 1920x1080 pixels at 0.6 m: 37.8 pixels per degree, where less is seen."""
    return _quality(image, reference, STANDARD_FHD)


def _quality(T: Tensor, R: Tensor, display: Display) -> Tensor:
    bands = Pyramid(display.ppd, *T.shape[-2:]).contrasts(torch.stack([_shown(T, display), _shown(R, display)], 1))
    errors = []
    for band in bands:
        S = sensitivity(band.frequency, band.background) * 10 ** (SENSITIVITY_DB / 20)
        if band.coarsest:
            D = (band.contrast[:, 0] - band.contrast[:, 1]).abs() * S * _column(BASE_BAND, T)
        else:
            D = _masked(*(band.contrast * S[:, None]).mul(_column(GAIN, T)).unbind(1))
        errors.append(_power(_power(D, BETA).mean((-2, -1)), 1 / BETA))
    error = torch.stack(errors)
    channels = _norm(error, BETA_BANDS, 0)
    return _jod(_norm(channels, BETA_CHANNELS, 1) * STILL)


def _shown(x: Tensor, display: Display) -> Tensor:
    """What the display emits and reflects, as luminance, red-green and violet-yellow: `(B, 3, H, W)`."""
    black, reflected = display.peak / display.contrast, display.ambient / math.pi * REFLECTED
    x = x.expand(-1, 3, -1, -1).clamp(0, 1)
    linear = torch.where(x > 0.04045, ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, x / 12.92)
    emitted = (display.peak - black) * linear + black + reflected
    to_dkl = x.new_tensor(LMS_TO_DKL) @ x.new_tensor(XYZ_TO_LMS) @ x.new_tensor(RGB_TO_XYZ)
    return torch.einsum("ij,bjhw->bihw", to_dkl, emitted)


def _masked(T: Tensor, R: Tensor) -> Tensor:
    """Visible differences of a band `(B, 3, H, W)`: contrast that both images have masks, across channels too."""
    mutual = torch.minimum(T.abs(), R.abs())
    if min(mutual.shape[-2:]) > BLUR_RADIUS:
        mutual = _blurred(mutual)
    mask = torch.einsum("ki,bkhw->bihw", 2 ** T.new_tensor(CROSS), _power(mutual * 10**MASK_C, _column(MASK_Q, T)))
    D = _power((T - R).abs(), MASK_P) / (1 + mask)
    return D * 10**LARGEST / (10**LARGEST + D)


def _blurred(x: Tensor) -> Tensor:
    taps = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (taps / BLUR_SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    x = F.pad(x, (BLUR_RADIUS,) * 4, mode="reflect")
    x = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(x, kernel.transpose(-2, -1), groups=x.shape[1])


@cache
def _table() -> dict[str, Tensor]:
    held = json.loads(Path(__file__).with_name("csf.json").read_text("utf-8"))
    return {name: torch.tensor(values) for name, values in held.items()}


def sensitivity(frequency: float, background: Tensor) -> Tensor:
    """Contrast sensitivity of the three channels, castleCSF for a patch of 1.5 degrees: `(B, 3, H, W)`.

    frequency: cycles per degree. background: base-10 logarithm of the luminance, `(B, 1, H, W)`; what is beyond the
    table, 0.005 to 10,000 cd/m2, has the value of its end.
    """
    table = {name: tensor.to(background) for name, tensor in _table().items()}
    rho, levels = table["log_frequency"], table["log_luminance"]
    at = min(max(int(torch.searchsorted(rho, math.log10(frequency))) - 1, 0), len(rho) - 2)
    share = (math.log10(frequency) - rho[at]) / (rho[at + 1] - rho[at])
    curves = torch.lerp(table["log_sensitivity"][..., at], table["log_sensitivity"][..., at + 1], share)
    place = ((background - levels[0]) / (levels[-1] - levels[0]) * (len(levels) - 1)).clamp(0, len(levels) - 1)
    place = place.nan_to_num()  # of an image that is none: its score is NaN all the same
    below = place.detach().floor().long().clamp(max=len(levels) - 2)[:, 0]
    logs = [torch.lerp(curve[below], curve[below + 1], place[:, 0] - below) for curve in curves]
    return 10 ** torch.stack(logs, 1)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values)[:, None, None]


def _power(x: Tensor, p: Tensor | float) -> Tensor:
    """x^p with a finite gradient at 0."""
    return (x + TINY) ** p - TINY**p


def _norm(x: Tensor, p: float, dim: int) -> Tensor:
    return _power(_power(x, p).sum(dim), 1 / p)


def _jod(Q: Tensor) -> Tensor:
    """Ten, less a power of the error, which is a line near 0."""
    line = JOD_A * JOD_LINEAR ** (JOD_EXPONENT - 1) * Q
    return 10 - torch.where(Q <= JOD_LINEAR, line, JOD_A * Q.clamp(min=JOD_LINEAR) ** JOD_EXPONENT)
