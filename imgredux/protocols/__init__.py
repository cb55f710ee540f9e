"""Protocols: what is measured of a method on one image, at which levels. `docs/protocols.md` says why.

trial = PROTOCOLS["jnd-equal-mse"].begin(imgredux.get("wei2009"), item)  # the map is estimated here, once
trial(16.121, 0).values["ssimulacra2"]                                   # level and seed
"""

from imgredux.protocols.base import Better, Measured, Metric, Protocol, Trial
from imgredux.protocols.equal_mse import EqualMse, concentration, peak
from imgredux.protocols.jpeg import Jpeg
from imgredux.protocols.observers import KonJnd
from imgredux.protocols.rd import RateDistortion

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        EqualMse(),
        KonJnd(),
        Jpeg("jpeg-y", colour=False),
        Jpeg("jpeg-rgb", colour=True),
        RateDistortion(),
    )
}

__all__ = [
    "PROTOCOLS",
    "Better",
    "EqualMse",
    "Jpeg",
    "KonJnd",
    "Measured",
    "Metric",
    "Protocol",
    "RateDistortion",
    "Trial",
    "concentration",
    "peak",
]
