"""Where tests find the reference data that is not in the repository."""

import os
from pathlib import Path

import pytest


def shared(relative: str) -> Path:
    """Path of a file or folder of the reference data, or skip the calling test, saying why.

    The root is the environment variable IMGREDUX_SHARED, else `../shared` beside the checkout that runs the tests.
    """
    roots = [Path(root) for root in [os.environ.get("IMGREDUX_SHARED")] if root]
    roots += [parent / "shared" for parent in Path.cwd().resolve().parents]
    for root in roots:
        if (root / relative).exists():
            return root / relative
    pytest.skip(f"reference data {relative} not found: set IMGREDUX_SHARED to the folder that holds it")
