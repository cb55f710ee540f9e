"""The contract, check by check."""

from imgredux.testing import CodecConformance


class TestJpeg420(CodecConformance):
    name = "jpeg420"
    golden = None


class TestJpeg444(CodecConformance):
    name = "jpeg444"
    golden = None


class TestPng(CodecConformance):
    name = "png"
    golden = None


class TestWebP(CodecConformance):
    name = "webp"
    golden = None


class TestAvif(CodecConformance):
    name = "avif"
    golden = None


class TestJxl(CodecConformance):
    name = "jxl"
    golden = None
