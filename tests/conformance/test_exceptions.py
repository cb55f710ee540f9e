"""Declared exceptions in a real run of pytest: expected to fail, and not allowed to pass."""

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

MODULE = """
import imgredux
from imgredux import Estimator, Spec
from imgredux.testing import EstimatorConformance

class Bold(Estimator):
    def forward(self, x):
        return 200 * x[:, :1].abs()

about = dict(kind="estimator", title="toy", paper="none", license="Apache-2.0", context=0, differentiable=True)
imgredux.register(Spec(name="bold", target=f"{{__name__}}:Bold", exceptions={exceptions}, **about))

class TestBold(EstimatorConformance):
    name = "bold"
    golden = None
"""


@pytest.mark.parametrize(
    ("exceptions", "outcomes"),
    [
        ({}, {"failed": 1}),
        ({"magnitude_is_plausible": "it shouts"}, {"xfailed": 1}),
        ({"magnitude_is_plausible": "it shouts", "input_is_not_modified": "wrongly"}, {"xfailed": 1, "failed": 1}),
        ({"magnitude_is_plausible": "it shouts", "no_such_check": "wrongly"}, {"xfailed": 1, "failed": 1}),
    ],
)
def test_an_exception_is_a_strict_xfail(
    pytester: pytest.Pytester, exceptions: dict[str, str], outcomes: dict[str, int]
) -> None:
    pytester.makepyfile(test_bold=MODULE.format(exceptions=exceptions))
    result = pytester.runpytest_subprocess("-rx", "-k", "magnitude or exceptions or modified")
    found = result.parseoutcomes()
    assert {key: found.get(key, 0) for key in outcomes} == outcomes
    assert ("it shouts" in result.stdout.str()) == ("xfailed" in outcomes)


def test_without_pytest_the_error_names_the_extra() -> None:

    code = "import sys; sys.modules['pytest'] = None; import imgredux.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install imgredux[test]" in done.stderr.splitlines()[-1]
