"""JND maps: as files, as noise, as images, in figures. Names resolve on first use; those of files import no torch."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgredux.maps.files import read_map, write_map
    from imgredux.maps.noise import Injected, inject, inject_dct
    from imgredux.maps.statistics import concentration, peak
    from imgredux.maps.visualize import heatmap, overlay, sheet

_HOME = {
    "files": ("read_map", "write_map"),
    "noise": ("Injected", "inject", "inject_dct"),
    "statistics": ("concentration", "peak"),
    "visualize": ("heatmap", "overlay", "sheet"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Injected",
    "concentration",
    "heatmap",
    "inject",
    "inject_dct",
    "overlay",
    "peak",
    "read_map",
    "sheet",
    "write_map",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'imgredux.maps' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"imgredux.maps.{_WHERE[name]}"), name)
    globals()[name] = value
    return value
