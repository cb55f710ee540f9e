"""The contract, check by check: with the weights that ship, and for a small fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

from imgredux.testing import EstimatorConformance


class TestShen2020(EstimatorConformance):
    name = "shen2020"


class TestFresh(EstimatorConformance):
    name = "shen2020"
    options: ClassVar[Mapping[str, int]] = {"width": 4}
    golden = "fresh.safetensors"
