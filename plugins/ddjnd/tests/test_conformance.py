"""The contract, check by check: with the weights that ship, and for fresh networks, which have learnt nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import EstimatorConformance

SMALL = {"width": 4, "kan_width": 2, "depth": 1, "tile": 64, "overlap": 16}


class TestDDJND(EstimatorConformance):
    name = "ddjnd"


class TestHiding(EstimatorConformance):
    name = "ddjnd.hiding"
    golden = "hiding.safetensors"


class TestFreshGain(EstimatorConformance):
    name = "ddjnd"
    options: ClassVar[Mapping[str, Any]] = {**SMALL, "head": "gain"}
    golden = None  # it is its base, which a test holds


class TestFreshPaper(EstimatorConformance):
    name = "ddjnd"
    options: ClassVar[Mapping[str, Any]] = {**SMALL, "gate": 1.0}
    golden = "paper.safetensors"
    magnitude = (0.1, 256)  # what nobody trained may say anything


class TestFreshPrinted(EstimatorConformance):
    name = "ddjnd"
    options: ClassVar[Mapping[str, Any]] = {
        **TestFreshPaper.options,
        "position": "printed",
        "channel": "printed",
        "order": "printed",
        "per_channel": True,
    }
    golden = "printed.safetensors"
    magnitude = (0.1, 256)
