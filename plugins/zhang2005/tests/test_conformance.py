"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestZhang2005(EstimatorConformance):
    name = "zhang2005"
