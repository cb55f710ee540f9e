"""Methods that keep the contract pass their suite."""

from collections.abc import Callable

import pytest

from imgredux import Spec
from imgredux.testing import CodecConformance, EstimatorConformance, RestorerConformance
from imgredux.testing.golden import build


@pytest.fixture(scope="module", autouse=True)
def toys(register: Callable[[Spec], None]) -> None:
    from imgredux_toys import SPECS

    for spec in SPECS:
        register(spec)


class TestContrast(EstimatorConformance):
    name = "toy-contrast"
    golden = None


class TestSums(EstimatorConformance):
    name = "toy-sums"
    golden = None


@pytest.mark.parametrize(("suite", "rule"), [(TestContrast, "bit for bit"), (TestSums, "within 1e-05 of the range")])
def test_the_batch_check_says_which_rule_held(
    suite: type[EstimatorConformance], rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, object] = {}
    suite().test_batch_equals_singles(build(suite.name), said.__setitem__)
    assert said == {"batch": rule}
    assert capsys.readouterr().out == f"batch: {rule}\n"


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
