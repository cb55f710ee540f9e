"""The contract, check by check: with the weights that ship, and for a fresh network, which has learnt nothing."""

from collections.abc import Mapping
from typing import Any, ClassVar

from imgredux.testing import RestorerConformance

MOST_BYTES = 5 * 2**20  # it gains most of all restorers, at nearly every quality, in grey and in colour


class TestUnJpeg(RestorerConformance):
    name = "unjpeg"
    most_bytes = MOST_BYTES


class TestFresh(RestorerConformance):
    name = "unjpeg"
    most_bytes = MOST_BYTES
    options: ClassVar[Mapping[str, Any]] = {"widths": (8, 16), "blocks": (1, 1), "tile": 64, "overlap": 16}
    golden = "fresh.safetensors"
    learnt = False
