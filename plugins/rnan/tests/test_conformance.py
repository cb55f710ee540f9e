"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestRnan(RestorerConformance):
    name = "rnan"
    options: ClassVar[Mapping[str, Any]] = {"groups": 2, "width": 8, "tile": 48, "overlap": 16}
    golden = "fresh.safetensors"
    learnt = False
