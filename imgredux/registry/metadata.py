"""What the installed distributions say they bring, from their metadata alone; no plugin is imported."""

import importlib.metadata
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from imgredux.errors import PluginError

Family = Literal["method", "metric", "protocol"]  # each has names of its own
FAMILIES: tuple[Family, ...] = get_args(Family)
KINDS = ("estimator", "restorer", "codec", "metric", "protocol")
_SETTLED = 2.0  # seconds: a folder changed later than this before it was read may have been read half-written


class Found(NamedTuple):
    """One entry point. kind: what its group says it leads to."""

    kind: str
    entry: importlib.metadata.EntryPoint

    @property
    def distribution(self) -> tuple[str, str]:
        """Name and version of the distribution."""
        dist = self.entry.dist
        return (dist.name, dist.version) if dist else (self.entry.value, "unknown")


Names = Mapping[str, list[Found]]
_held: tuple[object, float, dict[Family, dict[str, list[Found]]]] | None = None


def group(kind: str) -> str:
    """The entry-point group of a kind."""
    return f"imgredux.{kind}s"


def family_of(kind: str) -> Family:
    """Which names a kind's compete with: those of all methods, of all metrics, or of all protocols."""
    return "metric" if kind == "metric" else "protocol" if kind == "protocol" else "method"


def installed(family: Family) -> Names:
    """Entry points by name. Read once, and again when a folder of the path has changed since."""
    global _held
    state = tuple((path, _modified(path)) for path in sys.path)
    if _held is None or _held[0] != state or max((at for _, at in state), default=0) > _held[1] - _SETTLED:
        _held = state, time.time(), _read()
    return _held[2][family]


def the_one(family: Family, name: str) -> Found | None:
    """The entry point of a name, None where there is none. Raises PluginError where two distributions have it."""
    found = installed(family).get(name, [])
    if len(found) > 1:
        # One distribution can stand twice on the path (an editable install, say); two distributions are a conflict.
        by_distribution = {one.distribution[0]: one for one in reversed(found)}
        if len(by_distribution) > 1:
            both = " and ".join(sorted(" ".join(one.distribution) for one in by_distribution.values()))
            raise PluginError(f"two distributions provide the {family} {name!r}: {both}. Uninstall one of them")
    return found[0] if found else None


def _modified(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _read() -> dict[Family, dict[str, list[Found]]]:
    found: dict[Family, dict[str, list[Found]]] = {"method": {}, "metric": {}, "protocol": {}}
    everything = importlib.metadata.entry_points()
    for kind in KINDS:
        for entry in everything.select(group=group(kind)):
            found[family_of(kind)].setdefault(entry.name, []).append(Found(kind, entry))
    return found
