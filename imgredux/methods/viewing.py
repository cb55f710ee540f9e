"""Viewing conditions: how the factor to one just-objectionable difference changes with display and distance."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from imgredux.errors import ImgreduxError


class Viewing(NamedTuple):
    """How an image is looked at.

    ppd: pixels per degree of the visual field; 37.8 is a monitor of 24 inches with 1920x1080 pixels at 0.6 m, 75.4
    one of 30 inches with 3840x2160 at 0.75 m. peak: cd/m2 of white.
    """

    ppd: float = 37.8
    peak: float = 200.0


REFERENCE = Viewing()
# Factor over that at REFERENCE, by ColorVideoVDP on training images (tests/campaigns/viewing.py); the logarithms are
# interpolated.
BY_PPD: Mapping[float, float] = {
    15.0: 0.497,
    20.0: 0.617,
    30.0: 0.840,
    37.8: 1.0,
    50.0: 1.233,
    60.0: 1.437,
    75.4: 1.786,
    100.0: 2.390,
}
BY_PEAK: Mapping[float, float] = {50.0: 1.360, 100.0: 1.146, 200.0: 1.0, 500.0: 0.874, 1000.0: 0.810}


def change(viewing: Viewing) -> float:
    """The factor to one JOD at these conditions, over that at `REFERENCE`.

    Raises ImgreduxError for conditions at which it was not measured.
    """
    return _at(BY_PPD, viewing.ppd, "ppd", "pixels per degree") * _at(BY_PEAK, viewing.peak, "peak", "cd/m2")


def _at(table: Mapping[float, float], value: float, name: str, unit: str) -> float:
    places = sorted(table)
    if not places[0] <= value <= places[-1]:
        raise ImgreduxError(f"{name} is {value:g}; give {places[0]:g} to {places[-1]:g} {unit}")
    above = next(place for place in places if value <= place)
    below = max((place for place in places if place <= value), default=above)
    share = 0.0 if above == below else math.log(value / below) / math.log(above / below)
    return table[below] ** (1 - share) * table[above] ** share
