"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

import imgredux
from imgredux.method import Method
from imgredux.testing import RestorerConformance


@pytest.mark.skipif(not imgredux.info("arcnn").weights, reason="arcnn ships no weights yet")
class TestArCnn(RestorerConformance):
    name = "arcnn"


class TestFresh(RestorerConformance):
    name = "arcnn"
    options: ClassVar[Mapping[str, bool]] = {"residual": True}
    golden = "fresh.safetensors"

    @pytest.mark.skip(reason="a fresh network restores nothing")
    def test_a_jpeg_becomes_better(self, method: Method) -> None:
        pass

    @pytest.mark.skip(reason="a fresh network restores nothing")
    def test_a_crop_of_a_jpeg_does_not_become_worse(self, method: Method) -> None:
        pass
