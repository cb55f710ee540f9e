"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

from imgredux.testing import RestorerConformance


class TestDnCnn(RestorerConformance):
    name = "dncnn"


class TestFresh(RestorerConformance):
    name = "dncnn"
    options: ClassVar[Mapping[str, int]] = {"depth": 20}
    golden = "fresh.safetensors"
    learnt = False
