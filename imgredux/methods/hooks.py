"""The one hook. A plugin implements it; third parties and first-party methods use the same door."""

from collections.abc import Sequence

import pluggy

from imgredux.methods.spec import Spec

PROJECT = "imgredux"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(historic=True)
def imgredux_methods() -> Sequence[Spec]:
    """Return the Specs of the methods in this package; importing the package must not import torch."""
    return ()
