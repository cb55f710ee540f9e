"""The contract, check by check."""

import importlib.util

import pytest

from imgredux.testing import CodecConformance


class TestJpeg420(CodecConformance):
    name = "jpeg420"
    golden = None


class TestJpeg444(CodecConformance):
    name = "jpeg444"
    golden = None


class TestWebP(CodecConformance):
    name = "webp"
    golden = None


class TestAvif(CodecConformance):
    name = "avif"
    golden = None


@pytest.mark.skipif(importlib.util.find_spec("pillow_jxl") is None, reason="pillow-jxl-plugin is not installed")
class TestJxl(CodecConformance):
    name = "jxl"
    golden = None
