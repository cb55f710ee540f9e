"""The contract, check by check, for both forms."""

from collections.abc import Mapping
from typing import ClassVar

from imgredux.testing import EstimatorConformance


class TestKi2018(EstimatorConformance):
    name = "ki2018"


class TestNetwork(EstimatorConformance):
    name = "ki2018"
    options: ClassVar[Mapping[str, str]] = {"form": "cnn"}
    golden = "cnn.safetensors"
    magnitude = (0.1, 256)  # a fresh network takes all of the image away
