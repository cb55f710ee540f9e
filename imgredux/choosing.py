"""Which restorer, and which of its weights, for a JPEG of some quality: the one that says it gains most.

The figures are data: `gains` in `weights.toml`, or in the Spec of a method without weights. Imports no torch.
"""

import warnings
from collections.abc import Iterable, Mapping
from itertools import pairwise

from imgredux import registry
from imgredux.errors import PluginError, UnknownMethod, WeightsError
from imgredux.spec import Gains, Spec
from imgredux.weights import read_manifest

_INSTALL = "pip install imgredux-slidingdct"


def best(quality: int, colour: bool, methods: Iterable[str] | None = None) -> str:
    """The restorer that gains most at a JPEG quality, 1..100, as `"name.tag"`, or `"name"` of one without weights.

    methods: names, with tags or without, to choose among; None: all that are installed. Those that state no gain on
    such files are left out, broken ones with a warning. Raises UnknownMethod when nothing is left.
    """
    found = {label: gain(gains, quality, colour) for label, gains in choices(methods).items()}
    stated = {label: value for label, value in found.items() if value is not None}
    if not stated:
        files = "colour" if colour else "greyscale"
        raise UnknownMethod(f"no installed restorer states what it gains on {files} files. Name one, or: {_INSTALL}")
    return max(stated, key=lambda label: stated[label])


def best_tag(spec: Spec, quality: int, colour: bool) -> str:
    """The tag of a method that gains most at a JPEG quality; the default one where none states a gain on such files.

    Empty for a method without weights. Raises WeightsError when the manifest is damaged.
    """
    found = {tag: gain(gains, quality, colour) for tag, gains in _by_tag(spec).items()}
    stated = {tag: value for tag, value in found.items() if value is not None}
    return max(stated, key=lambda tag: stated[tag]) if stated else read_manifest(spec).default


def stated(spec: Spec, tag: str, quality: int, colour: bool) -> float | None:
    """dB that a tag, empty for a method without weights, states at a JPEG quality; None where it states nothing."""
    return gain(_by_tag(spec).get(tag, {}), quality, colour)


def choices(methods: Iterable[str] | None = None) -> dict[str, Gains]:
    """What restorers, each with each of its tags, say they gain. Raises UnknownMethod when none says anything."""
    names = registry.list_methods("restorer") if methods is None else methods
    found: dict[str, Gains] = {}
    for name, _, wanted in (full.partition(".") for full in names):
        try:
            by_tag = _by_tag(registry.info(name).spec)
        except (PluginError, WeightsError) as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        found |= {f"{name}.{tag}".rstrip("."): gains for tag, gains in by_tag.items() if gains and wanted in ("", tag)}
    if not found:
        raise UnknownMethod(f"no restorer that states its gains is installed. Install one with: {_INSTALL}")
    return found


def gain(gains: Gains, quality: int, colour: bool) -> float | None:
    """dB at a JPEG quality: on straight lines between the stated ones, flat beyond; None where none is stated."""
    points = sorted((int(at), float(value)) for at, value in gains.get("rgb" if colour else "y", {}).items())
    if not points or quality <= points[0][0]:
        return points[0][1] if points else None
    for (low, before), (high, after) in pairwise(points):
        if quality <= high:
            return before + (after - before) * (quality - low) / (high - low)
    return points[-1][1]


def _by_tag(spec: Spec) -> Mapping[str, Gains]:
    """The gains of each tag, the default one first, which wins a draw; under an empty tag those of the Spec."""
    manifest = read_manifest(spec)
    if not manifest.tags:
        return {"": spec.gains}
    tags = sorted(manifest.tags, key=lambda tag: tag != manifest.default)
    return {tag: manifest.tags[tag].get("gains", {}) for tag in tags}
