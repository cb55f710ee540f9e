"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestFlat(EstimatorConformance):
    name = "flat"
    golden = "flat.safetensors"


class TestLocalStd(EstimatorConformance):
    name = "localstd"
    golden = "localstd.safetensors"


class TestLocalStd15(EstimatorConformance):
    name = "localstd15"
    golden = "localstd15.safetensors"


class TestConcentrated(EstimatorConformance):
    name = "concentrated"
    golden = "concentrated.safetensors"
