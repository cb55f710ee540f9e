"""What restorers say they gain on a JPEG of some quality, and which of a method's weights gains most.

The figures are data: `gains` in `weights.toml`, or in the Spec of a method without weights. Imports no torch.
"""

from collections.abc import Mapping
from itertools import pairwise

from imgredux.methods.spec import Gains, Spec
from imgredux.methods.weights import read_manifest


def best_tag(spec: Spec, quality: int, color: bool, graphics: bool = False) -> str:
    """The tag of a method that gains most at a JPEG quality; the default one where none states a gain on such files.

    graphics: on screenshots, text and drawings, where a tag states that; else its gain on photographs counts.

    Empty for a method without weights. Raises WeightsError when the manifest is damaged.
    """
    found = {tag: _gain(gains, quality, color, graphics) for tag, gains in by_tag(spec).items()}
    stated = {tag: value for tag, value in found.items() if value is not None}
    return max(stated, key=lambda tag: stated[tag]) if stated else read_manifest(spec).default


def stated(spec: Spec, tag: str, quality: int, color: bool, graphics: bool = False) -> float | None:
    """dB that a tag, empty for a method without weights, states at a JPEG quality; None where it states nothing."""
    return _gain(by_tag(spec).get(tag, {}), quality, color, graphics)


def _gain(gains: Gains, quality: int, color: bool, graphics: bool) -> float | None:
    own = gain(gains, quality, color, graphics)
    return gain(gains, quality, color) if own is None else own


def gain(gains: Gains, quality: int, color: bool, graphics: bool = False) -> float | None:
    """dB at a JPEG quality: on straight lines between the stated ones, flat beyond; None where none is stated."""
    key = ("graphics-" if graphics else "") + ("rgb" if color else "y")
    points = sorted((int(at), float(value)) for at, value in gains.get(key, {}).items())
    if not points or quality <= points[0][0]:
        return points[0][1] if points else None
    for (low, before), (high, after) in pairwise(points):
        if quality <= high:
            return before + (after - before) * (quality - low) / (high - low)
    return points[-1][1]


def by_tag(spec: Spec) -> Mapping[str, Gains]:
    """The gains of each tag, the default one first, which wins a draw; under an empty tag those of the Spec."""
    manifest = read_manifest(spec)
    if not manifest.tags:
        return {"": spec.gains}
    tags = sorted(manifest.tags, key=lambda tag: tag != manifest.default)
    return {tag: manifest.tags[tag].get("gains", {}) for tag in tags}
