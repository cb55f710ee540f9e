"""The contract, check by check."""

from imgredux.testing import EstimatorConformance


class TestFlat(EstimatorConformance):
    name = "flat"
    golden = "flat.safetensors"


class TestLocalStd(EstimatorConformance):
    name = "localstd"
    golden = "localstd.safetensors"


class TestConcentrated(EstimatorConformance):
    name = "concentrated"
    golden = "concentrated.safetensors"
    magnitude = (0.02, 0.021)  # 1 grey level on 2 % of the pixels
