"""Which installed method serves: the best restorer for an image, the codec of a stream. Imports no torch of its own."""

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, overload

from imgredux import registry
from imgredux.errors import ImageError, PluginError, StreamError, UnknownMethod, WeightsError
from imgredux.io.opening import MAX_PIXELS
from imgredux.methods.gains import by_tag, gain
from imgredux.methods.spec import Gains
from imgredux.methods.stream import is_stream, unpack

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    from imgredux.io.given import ImageFile
    from imgredux.io.images import ImageLike
    from imgredux.methods.restorer import Restorer

_INSTALL = "pip install 'imgredux[all]'"
TARGET = "target"  # the knob of a codec that searches for the smallest file within a target of visibility


def best(quality: int, color: bool, methods: Iterable[str] | None = None, *, graphics: bool = False) -> str:
    """The restorer that gains most at a JPEG quality, 1..100, as `"name.tag"`, or `"name"` of one without weights.

    graphics: on screenshots, text and drawings, among those that state that; where none does, as on photographs.

    methods: names, with tags or without, to choose among; None: all that are installed. Those that state no gain on
    such files are left out, broken ones with a warning. Raises UnknownMethod when nothing is left.
    """
    offered = choices(methods)
    found = {label: gain(gains, quality, color, graphics) for label, gains in offered.items()}
    if graphics and all(value is None for value in found.values()):
        found = {label: gain(gains, quality, color) for label, gains in offered.items()}
    stated = {label: value for label, value in found.items() if value is not None}
    if not stated:
        files = "colour" if color else "greyscale"
        raise UnknownMethod(f"no installed restorer states what it gains on {files} files. Name one, or: {_INSTALL}")
    return max(stated, key=lambda label: stated[label])


def choices(methods: Iterable[str] | None = None) -> dict[str, Gains]:
    """What restorers, each with each of its tags, say they gain. Raises UnknownMethod when none says anything."""
    names = registry.list_methods("restorer") if methods is None else methods
    found: dict[str, Gains] = {}
    for name, _, wanted in (full.partition(".") for full in names):
        try:
            gains_of = by_tag(registry.info(name).spec)
        except (PluginError, WeightsError) as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        found |= {
            f"{name}.{tag}".rstrip("."): gains for tag, gains in gains_of.items() if gains and wanted in ("", tag)
        }
    if not found:
        raise UnknownMethod(f"no restorer that states its gains is installed. Install one with: {_INSTALL}")
    return found


def optimizer() -> str:
    """The installed codec that searches for the smallest file within a target of visibility: its knob is `target`.

    Of several, the first by name. Raises UnknownMethod when there is none.
    """
    for name in registry.list_methods("codec"):
        knob = registry.info(name).spec.knob
        if knob and knob[0] == TARGET:
            return name
    raise UnknownMethod(f"no installed codec searches for the smallest file. Install one with: {_INSTALL}")


class Auto:
    """Restores image after image, each with what gains most at its quality on its kind; keeps what it loads."""

    def __init__(self, device: "torch.device | str | None" = None) -> None:
        self._device = device
        self._names: dict[tuple[int, bool, bool], str] = {}
        self._loaded: dict[str, Restorer] = {}

    def __call__(self, image: "ImageLike", /, *, quality: int | None = None) -> Any:
        """As `restore`."""
        from imgredux.forensics.examine import examine

        seen = examine(image, quality)
        if seen.damage is None:
            return seen.untouched()
        return self._best(seen.damage.quality, seen.color, seen.graphics).restore(seen)

    def _best(self, quality: int, color: bool, graphics: bool) -> "Restorer":
        from imgredux.methods.restorer import Restorer

        key = quality, color, graphics
        if key not in self._names:
            self._names[key] = best(quality, color, graphics=graphics).partition(".")[0]
        name = self._names[key]  # without the tag: the restorer takes it, or leaves the image untouched
        if name not in self._loaded:
            method = registry.get(name, self._device)
            assert isinstance(method, Restorer)  # what `best` chooses among
            self._loaded[name] = method
        return self._loaded[name]


@overload
def restore(
    image: "np.ndarray", device: "torch.device | str | None" = None, *, quality: int | None = None
) -> "np.ndarray": ...
@overload
def restore(
    image: "Image.Image | ImageFile", device: "torch.device | str | None" = None, *, quality: int | None = None
) -> "Image.Image": ...
def restore(image: "ImageLike", device: "torch.device | str | None" = None, *, quality: int | None = None) -> Any:
    """A JPEG with less of what JPEG did to it, by the best restorer installed; in the form the image came in.

    Without traces of JPEG, or of a quality above 95, the image comes back as it is (`docs/reference/contract.md`).
    quality: take it for a JPEG of this quality, 1..100, instead of looking. For many images `Auto` keeps the weights it
    has loaded.

    Raises ImageError, UnknownMethod when no restorer is installed, PluginError, WeightsError.
    """
    return Auto(device)(image, quality=quality)


def decode(
    data: bytes,
    device: "torch.device | str | None" = None,
    *,
    max_pixels: int = MAX_PIXELS,
    untrusted: bool = False,
) -> "Image.Image | np.ndarray":
    """The image of any stream of ours, or of a public format that Pillow reads (a codec may write plain JPEG).

    max_pixels: data that say they hold more are refused. untrusted: decode in a process of its own, on the CPU, which
    may take 2 GiB and a minute; methods that were registered at run time are not known there.
    Raises StreamError: damaged or foreign data, the method or its weights not installed, more than is allowed.
    """
    from imgredux.io import decoding
    from imgredux.methods.codec import Codec

    if untrusted:
        from imgredux.methods import apart

        return apart.decode(data, max_pixels)
    if not is_stream(data):
        try:
            return decoding.open_bytes(data, max_pixels=max_pixels)
        except ImageError as error:
            raise StreamError(f"neither a stream of imgredux nor an image file: {error}", "foreign") from error
    coded = unpack(data, max_pixels=max_pixels)
    try:
        codec = registry.get(f"{coded.method}.{coded.tag}" if coded.tag else coded.method, device)
    except (UnknownMethod, WeightsError) as error:
        raise StreamError(f"the stream needs a method that is not at hand: {error}", "missing-method") from error
    if not isinstance(codec, Codec):
        raise StreamError(f"the stream names {coded.method!r}, which is no codec", "corrupt")
    return codec.decode(data, max_pixels=max_pixels)
