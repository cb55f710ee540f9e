"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestWei2009(EstimatorConformance):
    name = "wei2009"
