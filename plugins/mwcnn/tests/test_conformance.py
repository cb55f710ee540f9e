"""The contract, check by check, for a fresh, narrow network, which has learnt nothing: no weights ship."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance


class TestMwCnn(RestorerConformance):
    name = "mwcnn"
    options: ClassVar[Mapping[str, Any]] = {"width": 8}
    golden = "fresh.safetensors"
    learnt = False


class TestSecond(RestorerConformance):
    name = "mwcnn"
    options: ClassVar[Mapping[str, Any]] = {"variant": "v2", "width": 4}
    golden = "second.safetensors"
    learnt = False
