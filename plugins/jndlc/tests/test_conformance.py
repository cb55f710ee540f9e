"""The contract, check by check."""

from imgredux.testing import CodecConformance

MOST_BYTES = 9_000_000  # two networks of two million parameters: docs/results/codecs.md


class TestJndLc(CodecConformance):
    name = "jndlc"
    most_bytes = MOST_BYTES
