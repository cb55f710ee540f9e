"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestRdn(RestorerConformance):
    name = "rdn"
    options: ClassVar[Mapping[str, Any]] = {"blocks": 2, "layers": 2, "growth": 8, "width": 8}
    golden = "fresh.safetensors"
    learnt = False
