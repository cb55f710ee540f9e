"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

from imgredux.testing import RestorerConformance


class TestArCnn(RestorerConformance):
    name = "arcnn"


class TestFresh(RestorerConformance):
    name = "arcnn"
    options: ClassVar[Mapping[str, bool]] = {"residual": True}
    golden = "fresh.safetensors"
    learnt = False
