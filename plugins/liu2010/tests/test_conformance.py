"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestLiu2010(EstimatorConformance):
    name = "liu2010"
