"""Conformance suites that prove a method keeps the contract: `class TestMine(EstimatorConformance): name = "mine"`.

`EstimatorConformance`, `RestorerConformance`, `CodecConformance` and `MetricConformance` are pytest classes;
`docs/how-to/write-a-plugin.md` shows how a plugin subclasses one. `write_golden` makes the golden file that those
of methods expect beside their subclass.
"""

try:
    import pytest
except ImportError as error:
    raise ImportError("imgredux.testing needs pytest. Install it with: pip install imgredux[test]") from error

_SUITES = ("suite", "calls", "declaration", "estimator", "restorer", "codec", "metric")
pytest.register_assert_rewrite(*(f"imgredux.testing.{name}" for name in _SUITES))

from imgredux.testing.codec import CodecConformance  # noqa: E402 - after the line that makes its asserts speak
from imgredux.testing.estimator import EstimatorConformance  # noqa: E402
from imgredux.testing.golden import write_golden  # noqa: E402
from imgredux.testing.metric import MetricConformance  # noqa: E402
from imgredux.testing.restorer import RestorerConformance  # noqa: E402

__all__ = ["CodecConformance", "EstimatorConformance", "MetricConformance", "RestorerConformance", "write_golden"]
