"""The contract, check by check."""

from imgredux.testing import RestorerConformance


class TestFlatZone(RestorerConformance):
    name = "flatzone"
