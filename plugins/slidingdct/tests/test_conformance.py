"""The contract, check by check."""

from imgredux.testing import RestorerConformance


class TestSlidingDCT(RestorerConformance):
    name = "slidingdct"
