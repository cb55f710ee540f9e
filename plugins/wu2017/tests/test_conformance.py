"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestWu2017(EstimatorConformance):
    name = "wu2017"
