"""The hooks. A plugin implements those it has something for; third parties and we use the same door."""

from collections.abc import Sequence

import pluggy

from imgredux.methods.declarations import MetricSpec, ProtocolSpec
from imgredux.methods.spec import Spec

PROJECT = "imgredux"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(historic=True)
def imgredux_methods() -> Sequence[Spec]:
    """Return the Specs of the methods in this package; importing the package must not import torch."""
    return ()


@hookspec(historic=True)
def imgredux_metrics() -> Sequence[MetricSpec]:
    """Return the MetricSpecs of the metrics in this package; importing the package must not import torch."""
    return ()


@hookspec(historic=True)
def imgredux_protocols() -> Sequence[ProtocolSpec]:
    """Return the ProtocolSpecs of the protocols in this package; importing the package must not import torch."""
    return ()
