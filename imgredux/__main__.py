"""`python -m imgredux`: the command line."""

from imgredux.cli import main

main()
