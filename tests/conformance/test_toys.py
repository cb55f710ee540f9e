"""Methods that keep the contract pass their suite."""

from collections.abc import Callable

import pytest

from imgredux import Spec
from imgredux.testing import CodecConformance, EstimatorConformance, RestorerConformance


@pytest.fixture(scope="module", autouse=True)
def toys(register: Callable[[Spec], None]) -> None:
    from imgredux_toys import SPECS

    for spec in SPECS:
        register(spec)


class TestContrast(EstimatorConformance):
    name = "toy-contrast"
    golden = None


class TestBlocks(EstimatorConformance):
    name = "toy-blocks"
    golden = None


class TestShrink(RestorerConformance):
    name = "toy-shrink"
    golden = None


class TestQuantizer(CodecConformance):
    name = "toy-quantizer"
    golden = None


class TestCoarserQuantizer(CodecConformance):
    name = "toy-quantizer"
    options = {"depth": 3}  # noqa: RUF012 - as a plugin's author writes it
    golden = None
