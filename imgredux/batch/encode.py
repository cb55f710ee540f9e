"""Image files to streams and back, each done or failed on its own; every file appears whole or not at all.

    for done in encode_files(imgredux.get("jpeg444"), ["holiday"], "small", {"quality": 80}):
        print(done.input, done.error or done.facts["bytes"])

Imports no torch of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgredux.batch.outputs import FileResult, check_folder, check_names, is_single
from imgredux.errors import ImageError, ImgreduxError, StreamError, in_words
from imgredux.io import files
from imgredux.io.finding import find_images
from imgredux.methods import stream

if TYPE_CHECKING:
    from imgredux.methods.codec import Codec

SUFFIX = ".irx"
# How files of public formats begin, and what they are called.
_PUBLIC = ((b"\xff\xd8\xff", 0, ".jpg"), (b"WEBP", 8, ".webp"), (b"ftypavif", 4, ".avif"), (b"\xff\x0a", 0, ".jxl"))
_JXL_BOX = b"\0\0\0\x0cJXL "


def suffix_of(data: bytes) -> str:
    """The suffix for a stream: `.irx`, or that of the public format it is."""
    for start, at, suffix in _PUBLIC:
        if data[at : at + len(start)] == start:
            return suffix
    return ".jxl" if data[: len(_JXL_BOX)] == _JXL_BOX else SUFFIX


def encode_files(
    codec: "Codec",
    inputs: Sequence[str | PathLike],
    out: str | PathLike,
    options: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
) -> Iterator[FileResult]:
    """Code images. One makes the file `out`; several, or a folder, make `{stem}` in the folder `out`, with the suffix
    `.irx` or that of the format that the codec writes.

    options: of `codec.encode`. force: overwrite existing files, which is an error otherwise. Raises ImgreduxError at
    once for inputs and outputs that cannot be; an image that fails is reported, and the next one begins.
    """

    def make(path: Path, output: Path) -> tuple[Path, bytes, int]:
        from imgredux.io import images

        image = images.open_image(path)
        data = codec.encode(image, **(options or {}))
        suffix = suffix_of(data)
        if not output.suffix:
            output = output.with_name(output.name + suffix)
        elif suffix != _plain(output.suffix):
            raise ImgreduxError(f"{codec.label} makes of this image a {suffix} file: name the output so")
        return output, data, image.width * image.height

    return _each(find_images(inputs), inputs, Path(out), "", make, force)


def decode_files(
    inputs: Sequence[str | PathLike], out: str | PathLike, *, device: str | None = None, force: bool = False
) -> Iterator[FileResult]:
    """Decode streams, and files of public formats. One makes the file `out`, in the format of its suffix; several, or a
    folder of `.irx` files, make `{stem}.png` in the folder `out`. Errors are as in `encode_files`.
    """

    def make(path: Path, output: Path) -> tuple[Path, bytes, int]:
        import numpy as np
        from PIL import Image

        from imgredux.dispatch import decode

        image = decode(path.read_bytes(), device)
        if isinstance(image, np.ndarray):
            if image.ndim == 3:
                raise ImgreduxError("the image has 16 bits a channel, which Pillow does not write: decode it in Python")
            image = Image.fromarray(image)
        output.parent.mkdir(parents=True, exist_ok=True)
        files.write_image(output, image)
        return output, b"", image.width * image.height

    if Path(out).suffix and not Path(out).is_dir() and Path(out).suffix.lower() not in files.FORMATS:
        raise ImgreduxError(f"the output {out} must end in one of {', '.join(files.FORMATS)}, or be a folder")
    return _each(find_streams(inputs), inputs, Path(out), ".png", make, force)


def describe(path: str | PathLike) -> dict[str, Any]:
    """What a file says of itself, for people and programs; the image is not decoded.

    Of a stream: method, tag, digest of the weights, size, parts with their bytes, what else is kept. Of an image file:
    format and size. Raises StreamError for damaged and foreign files, OSError.
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
            "keeps": [key for key in ("alpha", "icc", "exif") if getattr(found, key) is not None],
        }
    from imgredux.io.opening import header_of

    try:
        with header_of(data) as image:
            about = {"format": image.format, "mode": image.mode, "width": image.width, "height": image.height}
            keeps = [key for key in ("icc_profile", "exif", "xmp") if image.info.get(key)]
    except ImageError as error:
        raise StreamError(f"neither a stream of imgredux nor an image file: {error}", "foreign") from error
    return {**about, "bytes": len(data), "keeps": keeps}


def find_streams(inputs: Sequence[str | PathLike]) -> list[Path]:
    """The files among the inputs, and in place of each folder its `.irx` files. Raises ImgreduxError for none."""
    found: list[Path] = []
    for path in map(Path, inputs):
        inside = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise ImgreduxError(f"the folder {path} holds no {SUFFIX} file")
        found += inside
    return found


def _each(
    paths: list[Path],
    inputs: Sequence[str | PathLike],
    out: Path,
    suffix: str,
    make: Callable[[Path, Path], tuple[Path, bytes, int]],
    force: bool,
) -> Iterator[FileResult]:
    if not paths:
        raise ImgreduxError("no input: name files or folders")
    single = is_single(paths, inputs, out)
    if single and not out.suffix:
        raise ImgreduxError(f"the output {out} has no suffix and is no folder: name a file, or make the folder")
    if not single:
        check_folder(out, [out.suffix.lower() or "."])
    targets = [out] if single else [out / f"{path.stem}{suffix}" for path in paths]
    check_names((path, [target]) for path, target in zip(paths, targets, strict=True))
    return _run(paths, targets, make, force)


def _run(
    paths: Sequence[Path], targets: Sequence[Path], make: Callable[[Path, Path], tuple[Path, bytes, int]], force: bool
) -> Iterator[FileResult]:
    sources = {path.resolve() for path in paths}
    for path, target in zip(paths, targets, strict=True):
        try:
            _check_target(target, sources, force)
            output, data, pixels = make(path, target)
            if data:
                _check_target(output, sources, force)
                output.parent.mkdir(parents=True, exist_ok=True)
                with files.atomic(output) as temporary:
                    temporary.write_bytes(data)
            yield FileResult(path, (output,), {"bytes": output.stat().st_size, "pixels": pixels})
        except Exception as error:  # whatever a codec or Pillow raises: the next file is none the worse
            yield FileResult(path, error=in_words(error))


def _check_target(target: Path, sources: set[Path], force: bool) -> None:
    if target.resolve() in sources:
        raise ImgreduxError(f"{target} is an input: it would be overwritten. Choose another output")
    if target.is_file() and not force:
        raise ImgreduxError(f"{target} exists already: only --force (force=True) overwrites it")


def _plain(suffix: str) -> str:
    return suffix.lower().replace(".jpeg", ".jpg")
