"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestChou1995(EstimatorConformance):
    name = "chou1995"
