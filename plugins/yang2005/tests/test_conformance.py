"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestYang2005(EstimatorConformance):
    name = "yang2005"
