"""Many files: `engine` does, each on its own, what `run`, `encode`, `optimize` and `pairs` say of one.

Importing it imports no torch: what is wrong with the inputs costs nothing to say.
"""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.batch import encode as encode
    from imgredux.batch import engine as engine
    from imgredux.batch import optimize as optimize
    from imgredux.batch import outputs as outputs
    from imgredux.batch import pairs as pairs
    from imgredux.batch import processes as processes
    from imgredux.batch import record as record
    from imgredux.batch import run as run

__getattr__, __dir__ = resolver(
    __name__, {}, ("encode", "engine", "optimize", "outputs", "pairs", "processes", "record", "run")
)
