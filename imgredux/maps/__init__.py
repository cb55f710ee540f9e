"""JND maps: as files, as noise, as images, in figures. Names resolve on first use; those of files import no torch."""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.maps.edges import on_edges, strong_edges, worst_local
    from imgredux.maps.files import read_map, write_map
    from imgredux.maps.noise import Injected, inject, inject_dct
    from imgredux.maps.qp import qp_offsets, roi_text
    from imgredux.maps.statistics import concentration, peak
    from imgredux.maps.visualize import heatmap, overlay, sheet

_HOME = {
    "edges": ("on_edges", "strong_edges", "worst_local"),
    "files": ("read_map", "write_map"),
    "noise": ("Injected", "inject", "inject_dct"),
    "qp": ("qp_offsets", "roi_text"),
    "statistics": ("concentration", "peak"),
    "visualize": ("heatmap", "overlay", "sheet"),
}
__all__ = [
    "Injected",
    "concentration",
    "heatmap",
    "inject",
    "inject_dct",
    "on_edges",
    "overlay",
    "peak",
    "qp_offsets",
    "read_map",
    "roi_text",
    "sheet",
    "strong_edges",
    "worst_local",
    "write_map",
]


__getattr__, __dir__ = resolver(__name__, _HOME, _HOME)
