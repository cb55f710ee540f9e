"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestFbCnn(RestorerConformance):
    name = "fbcnn"
    options: ClassVar[Mapping[str, Any]] = {"widths": (8, 8, 12, 16), "blocks": 1}
    golden = "fresh.safetensors"
    learnt = False


class TestGray(RestorerConformance):
    name = "fbcnn"
    options: ClassVar[Mapping[str, Any]] = {"channels": 1, "widths": (8, 8, 12, 16), "blocks": 1}
    golden = "gray.safetensors"
    learnt = False
