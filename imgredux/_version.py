"""The version, and which state of the code a figure or a file of weights comes from."""

from functools import cache

__version__ = "0.1.0"


@cache
def commit() -> str:
    """The commit of a checkout that this is run from, `-dirty` when files differ from it; else the version."""
    from pathlib import Path
    from subprocess import SubprocessError, run

    root = Path(__file__).parents[1]
    if (root / ".git").exists():
        try:
            command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
            return run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, SubprocessError):  # no git, or not its repository
            pass
    return __version__
