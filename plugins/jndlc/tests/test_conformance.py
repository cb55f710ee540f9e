"""The contract, check by check."""

from imgredux.testing import CodecConformance


class TestJndLc(CodecConformance):
    name = "jndlc"
