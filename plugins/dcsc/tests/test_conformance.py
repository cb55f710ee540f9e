"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestDcsc(RestorerConformance):
    name = "dcsc"
    options: ClassVar[Mapping[str, Any]] = {"width": 8, "iterations": 40}
    golden = "fresh.safetensors"
    learnt = False
    tile_tolerance = 1e-6
