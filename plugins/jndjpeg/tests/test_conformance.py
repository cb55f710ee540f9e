"""The contract, check by check."""

from imgredux.testing import CodecConformance


class TestJndJpeg(CodecConformance):
    name = "jndjpeg"
    golden = None
