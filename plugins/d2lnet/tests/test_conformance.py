"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance

MOST_BYTES = 7 * 2**20  # two networks: the declaration says what the second is for
TOLERANCE = 1e-3  # a quarter of a grey level; the declaration says why


class TestD2LNet(RestorerConformance):
    name = "d2lnet"
    most_bytes = MOST_BYTES
    tolerance = TOLERANCE


class TestFresh(RestorerConformance):
    name = "d2lnet"
    most_bytes = MOST_BYTES
    options: ClassVar[Mapping[str, Any]] = {"width": 4, "tile": 64, "overlap": 16}
    golden = "fresh.safetensors"
    tolerance = TOLERANCE
    learnt = False


class TestFreshColor(TestFresh):
    options: ClassVar[Mapping[str, Any]] = {"channels": 3, "width": 4, "tile": 64, "overlap": 16, "variant": "released"}
    golden = "colour.safetensors"
