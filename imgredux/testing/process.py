"""Fresh interpreters, for what one process cannot show about itself."""

import os
import subprocess
import sys


def run_python(code: str, *arguments: str) -> str:
    """What `code` prints in a new interpreter that finds the same packages; AssertionError when it ends badly."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        raise AssertionError(f"another process ended with {ended}: {done.stderr.strip()[-2000:] or done.stdout}")
    return done.stdout
