"""The contract, check by check."""

from imgredux.testing import CodecConformance


class TestJndSearch(CodecConformance):
    name = "jndsearch"
    golden = None
