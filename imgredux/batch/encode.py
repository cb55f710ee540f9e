"""Image files to streams and back: what `imgredux encode`, `decode` and `identify` do.

    for result in engine.run(Encode("jpeg444", {"quality": 80}), ["holiday"], "small"):
        print(result.input, result.error or result.facts["bytes"])

Imports no torch of its own.
"""

import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from imgredux import registry
from imgredux.batch.outputs import Target
from imgredux.batch.record import digest
from imgredux.batch.work import Work
from imgredux.errors import ImageError, ImgreduxError, StreamError
from imgredux.io.files import FORMATS, atomic, write_image
from imgredux.io.inventory import CARRIED, inventory, told_of
from imgredux.io.opening import MAX_PIXELS, depth_of, frames_of, header_of
from imgredux.methods import stream
from imgredux.methods.settings import check_settings

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

SUFFIX = ".irx"
IN_STREAM = ("exif", "xmp", "icc", "text", "color")  # kinds of parts that a stream of imgredux carries
# How files of public formats begin, and what they are called.
_PUBLIC = (
    (b"\xff\xd8\xff", 0, ".jpg"),
    (b"\x89PNG\r\n\x1a\n", 0, ".png"),
    (b"WEBP", 8, ".webp"),
    (b"ftypavif", 4, ".avif"),
    (b"\xff\x0a", 0, ".jxl"),
)
_JXL_BOX = b"\0\0\0\x0cJXL "
SUFFIXES = (SUFFIX, ".jpg", ".png", ".webp", ".avif", ".jxl")  # of what codecs write


def suffix_of(data: bytes) -> str:
    """The suffix for a stream: `.irx`, or that of the public format it is."""
    for start, at, suffix in _PUBLIC:
        if data[at : at + len(start)] == start:
            return suffix
    return ".jxl" if data[: len(_JXL_BOX)] == _JXL_BOX else SUFFIX


class Encode(Work):
    """An image into a stream, `{stem}` with the suffix `.irx`, or that of the public format that the codec writes.

    name: of a codec, with a tag or without. options: of its `encode`. weights: a file of the user's. device: where to
    compute. max_pixels: larger images are refused. Raises ImgreduxError for another kind, and what `imgredux.info`
    raises; `start` raises UnknownSetting for an option that the codec does not take.
    """

    formats = (*SUFFIXES, ".jpeg")

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        weights: str | PathLike | None = None,
        device: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        base = name.partition(".")[0]
        info = registry.info(base)
        if info.spec.kind != "codec":
            raise ImgreduxError(f"{name} is of the kind {info.spec.kind}: encode takes codecs")
        self.name, self.options, self.weights = name, dict(options or {}), weights
        self.device, self.max_pixels, self.methods = device, max_pixels, (base,)
        self.task = f"encode {name}"
        own = digest(Path(weights)) if weights is not None and Path(weights).is_file() else None
        shipped = {tag: entry["sha256"] for tag, entry in info.weights.items()}
        self.settings = {"options": self.options, "weights": own or shipped}
        self._codec: Codec | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_codec": None}

    def start(self) -> None:
        from imgredux.methods.codec import Codec

        if self._codec is None:
            codec = registry.get(self.name, self.device, self.weights)
            assert isinstance(codec, Codec)  # its kind says so
            check_settings(self.name, self.options, codec.settings)
            self._codec = codec

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [f"{place}{suffix}" for suffix in SUFFIXES]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        """Gives `bytes` of the file and `pixels` of the image."""
        from imgredux.io import decoding

        assert self._codec is not None  # `start` was called
        image = decoding.open_image(path, max_pixels=self.max_pixels)
        data = self._codec.encode(image, **self.options)
        suffix = suffix_of(data)
        lost = told_of(path.read_bytes(), str(image.format), IN_STREAM if suffix == SUFFIX else CARRIED)
        if lost:
            warnings.warn(lost, stacklevel=1)
        if target.exact is not None and suffix != target.exact.suffix.lower().replace(".jpeg", ".jpg"):
            raise ImgreduxError(f"{self._codec.label} makes of this image a {suffix} file: name the output so")
        with atomic(target.main(suffix)) as temporary:
            temporary.write_bytes(data)
        return {"bytes": len(data), "pixels": image.width * image.height}


class Decode(Work):
    """A stream, or a file of a public format, into an image, `{stem}.png`.

    device: where to compute. untrusted: each in a process of its own, with limits (`imgredux.decode`). max_pixels:
    larger images are refused.
    """

    task = "decode"
    suffixes = (SUFFIX,)
    formats = tuple(FORMATS)
    settings: Mapping[str, Any] = {}

    def __init__(self, *, device: str | None = None, untrusted: bool = False, max_pixels: int = MAX_PIXELS) -> None:
        if untrusted and device not in (None, "cpu"):
            raise ImgreduxError(f"untrusted streams are decoded on the CPU: leave out the device {device}")
        self.device, self.untrusted, self.max_pixels = device, untrusted, max_pixels

    def start(self) -> None:
        """Codecs are loaded as streams ask for them."""

    def may_make(self, place: PurePosixPath, original: PurePosixPath) -> list[str]:
        return [f"{place}.png"]

    def do(self, path: Path, target: Target) -> dict[str, Any]:
        """Gives `bytes` of the file and `pixels` of the image."""
        import numpy as np
        from PIL import Image

        from imgredux.dispatch import decode
        from imgredux.io import deep
        from imgredux.methods.codec import metadata_of

        output, data = target.main(".png"), path.read_bytes()
        image = decode(data, self.device, max_pixels=self.max_pixels, untrusted=self.untrusted)
        if isinstance(image, np.ndarray):
            info = metadata_of(stream.unpack(data, max_pixels=self.max_pixels))
            image = deep.as_image(image, info) if image.ndim == 3 else Image.fromarray(image)
        write_image(output, image)
        return {"bytes": output.stat().st_size, "pixels": image.width * image.height}


def describe(path: str | PathLike) -> dict[str, Any]:
    """What a file says of itself, for people and programs; the image is not decoded.

    Of a stream: method, tag, digest of the weights, size, parts with their bytes, what else is kept. Of an image file:
    format, size, depth, frames, what states an orientation, and its inventory: every part by name, with its bytes, and
    under `unknown` what a new file would not hold. Raises StreamError for damaged and foreign files, OSError.
    """
    data = Path(path).read_bytes()
    if stream.is_stream(data):
        found = stream.unpack(data)
        return {
            "format": "imgredux stream",
            "method": found.method,
            "weights": found.tag,
            "digest": found.digest.hex(),
            "width": found.width,
            "height": found.height,
            "channels": found.channels,
            "depth": found.depth,
            "bytes": len(data),
            "parts": {key: len(part) for key, part in found.payload.items()},
            "keeps": [key for key in ("alpha", "icc", "exif", "xmp") if getattr(found, key) is not None],
        }
    try:
        with header_of(data) as image:
            about = {"format": image.format, "mode": image.mode, "width": image.width, "height": image.height}
            found = inventory(data)
            about |= {"depth": depth_of(image, data, found.depth), "frames": max(frames_of(image, data), found.frames)}
    except ImageError as error:
        raise StreamError(f"neither a stream of imgredux nor an image file: {error}", "foreign") from error
    parts: dict[str, int] = {}
    for part in found.parts:
        name = "picture" if part.kind == "picture" else part.name
        parts[name] = parts.get(name, 0) + part.size
    said = {"transfer": found.transfer, "orientation": found.turned, "mark": found.mark, "broken": found.broken}
    unknown = [part.name for part in found.unknown] if found.form else ["not looked into"]
    return {**about, "bytes": len(data), "parts": parts, **{k: v for k, v in said.items() if v}, "unknown": unknown}
