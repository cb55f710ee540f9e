"""The contract, check by check, for a small fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

import imgredux
from imgredux.testing import EstimatorConformance


@pytest.mark.skipif(not imgredux.info("shen2020").weights, reason="shen2020 ships no weights yet")
class TestShen2020(EstimatorConformance):
    name = "shen2020"


class TestFresh(EstimatorConformance):
    name = "shen2020"
    options: ClassVar[Mapping[str, int]] = {"width": 4}
    golden = "fresh.safetensors"
