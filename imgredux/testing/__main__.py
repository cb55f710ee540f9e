"""`python -m imgredux.testing NAME PATH`: write the golden file of a method."""

import sys

from imgredux.testing.golden import write_golden

if len(sys.argv) != 3:
    sys.exit("usage: python -m imgredux.testing NAME PATH, as in: mine tests/golden.safetensors")
write_golden(sys.argv[1], sys.argv[2])
print(f"wrote {sys.argv[2]}")
