"""Which state of the code a figure or a file of weights comes from."""

from functools import cache
from pathlib import Path
from subprocess import SubprocessError, run

import imgredux


@cache
def commit() -> str:
    """The commit of a checkout that this is run from, `-dirty` when files differ from it; else the version."""
    root = Path(imgredux.__file__).parents[1]
    if (root / ".git").exists():
        try:
            command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
            return run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, SubprocessError):  # no git, or not its repository
            pass
    return imgredux.__version__
