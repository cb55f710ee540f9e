"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestQgac(RestorerConformance):
    name = "qgac"
    options: ClassVar[Mapping[str, Any]] = {"width": 8, "chroma_width": 8}
    golden = "fresh.safetensors"
    learnt = False


class TestPaper(RestorerConformance):
    name = "qgac"
    options: ClassVar[Mapping[str, Any]] = {"variant": "2020", "width": 8, "chroma_width": 8}
    golden = "paper.safetensors"
    learnt = False
