"""The contract, check by check, for a small fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

from imgredux.testing import EstimatorConformance


class TestJiang2024(EstimatorConformance):
    name = "jiang2024"


class TestFresh(EstimatorConformance):
    name = "jiang2024"
    options: ClassVar[Mapping[str, int]] = {"width": 8, "recursions": 3}
    golden = "fresh.safetensors"
    tile_tolerance = 1e-7  # few channels: how convolutions sum them depends on the size
