"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance

# The angle of a faint bin amplifies the order of sums: fresh networks of width 4 to 32 gave up to 3e-4 between float32
# and float64. A quarter of a grey level, which nobody sees.
TOLERANCE = 1e-3


class TestD2LNet(RestorerConformance):
    name = "d2lnet"
    tolerance = TOLERANCE


class TestFresh(RestorerConformance):
    name = "d2lnet"
    options: ClassVar[Mapping[str, Any]] = {"width": 4, "tile": 64, "overlap": 16}
    golden = "fresh.safetensors"
    tolerance = TOLERANCE
    learnt = False


class TestFreshColour(TestFresh):
    options: ClassVar[Mapping[str, Any]] = {"channels": 3, "width": 4, "tile": 64, "overlap": 16, "variant": "released"}
    golden = "colour.safetensors"
