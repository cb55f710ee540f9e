"""Many files through one method, each done or failed on its own. Imports no torch: planning costs nothing."""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.batch import encode as encode
    from imgredux.batch import optimize as optimize
    from imgredux.batch import outputs as outputs
    from imgredux.batch import pairs as pairs
    from imgredux.batch import run as run

__getattr__, __dir__ = resolver(__name__, {}, ("encode", "optimize", "outputs", "pairs", "run"))
