"""Protocols: what is measured of a method on one image, at which levels. `docs/reference/protocols.md` says why.

    trial = load("jnd-equal-mse").begin(imgredux.get("wei2009"), item)  # the map is estimated here, once
    trial(16.121, 0).values["ssimulacra2"]                              # level and seed

`declared` has those of imgredux itself. What a protocol of your own needs is exported here; the names resolve on first
use, so that reading a declaration imports no torch.
"""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.protocols.base import Measured, Protocol, Trial, eight_bit, load, timed

__all__ = ["Measured", "Protocol", "Trial", "eight_bit", "load", "timed"]


__getattr__, __dir__ = resolver(__name__, {"base": __all__})
