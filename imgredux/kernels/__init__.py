"""Hot loops in native code, behind functions of `ops` and `metrics`; torch is the reference, and the path of gradients.

Modules here need numba (`pip install imgredux[fast]`), which compiles them on first use and keeps the code on disk.
Their callers import them when they first need them, and do without where that fails: `compiled` says how.
"""

import importlib
import logging
from functools import cache
from types import ModuleType

_log = logging.getLogger("imgredux.kernels")


@cache
def compiled(name: str) -> ModuleType | None:
    """A module of this package, or None: numba is not installed, is broken, or finds no folder for compiled code."""
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except (ImportError, RuntimeError, OSError) as error:
        _log.debug("%s runs without native code: %s", name, error)
        return None
