"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestWu2013(EstimatorConformance):
    name = "wu2013"
