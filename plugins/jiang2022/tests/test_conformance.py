"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestJiang2022(EstimatorConformance):
    name = "jiang2022"
