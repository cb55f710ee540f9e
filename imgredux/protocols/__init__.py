"""Protocols: what is measured of a method on one image, at which levels. `docs/protocols.md` says why.

    trial = load("jnd-equal-mse").begin(imgredux.get("wei2009"), item)  # the map is estimated here, once
    trial(16.121, 0).values["ssimulacra2"]                              # level and seed

`declared` has those of imgredux itself. What a protocol of your own needs is exported here; the names resolve on first
use, so that reading a declaration imports no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, load, timed

__all__ = ["Measured", "Protocol", "Trial", "eight_bit", "load", "timed"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'imgredux.protocols' has no attribute {name!r}")
    return getattr(importlib.import_module("imgredux.protocols.base"), name)
