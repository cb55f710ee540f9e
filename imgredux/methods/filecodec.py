"""Codecs whose stream is a file that everybody opens: a JPEG, a WebP, an AVIF."""

import io
from abc import abstractmethod
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imgredux.errors import ImageError, StreamError
from imgredux.io import decoding, images
from imgredux.io.exif import with_sound_exif
from imgredux.io.files import metadata
from imgredux.io.given import taken
from imgredux.io.images import ImageLike, Source
from imgredux.io.opening import UNBOUNDED, header_of
from imgredux.io.upright import upright
from imgredux.methods.codec import Codec, Coded
from imgredux.methods.settings import keywords_of

_MODES = ("", "L", "LA", "RGB", "RGBA")
PUBLIC = frozenset({"JPEG", "PNG", "WEBP", "AVIF", "JXL"})


class FileCodec(Codec):
    """A codec of 8 bits a sample that writes a public format; authors write `write` and nothing else.

    It works on samples as the file stores them, turned upright, in whatever colour space their ICC profile says: the
    profile goes into the new file, and nothing is converted. When the format cannot hold alpha or 16 bits, `encode`
    writes a stream of imgredux with the file in it (`docs/reference/stream.md`), so that nothing is lost.

    alpha: the format keeps an alpha plane to the bit. lossless: `write` takes `lossless=True`, and samples
    come back to the bit. forms: what the file may be, as Pillow calls it; a part of a stream that is anything else is
    refused.
    """

    alpha: ClassVar[bool] = False
    lossless: ClassVar[bool] = False
    forms: ClassVar[Set[str]] = PUBLIC

    @property
    def settings(self) -> list[str] | None:
        return keywords_of(self.write, ("image",))

    @abstractmethod
    def write(self, image: Image.Image) -> bytes:
        """The file of an image of mode L or RGB, or LA or RGBA where `alpha`; `image.info` has metadata to keep.
        It may take keywords, which a call and `encode` pass on.

        `saved` does it for the formats of Pillow. Raises ImageError for options and sizes that it does not take.
        """
        raise NotImplementedError

    def writer(self, image: Image.Image) -> Callable[..., bytes]:
        """`write` of one image, for many values of its keywords: what they have in common is computed once."""
        return partial(self.write, image)

    def forward(self, x: Tensor, **options: Any) -> Coded:
        """The images `(B, 1 or 3, H, W)` in [0, 1], after they were written and read again, and the files' bits."""
        decoded, bits = [], []
        for image in x:
            data = self._written(_picture(_source_of(image[None])), options)
            decoded.append(self._read(data, len(image)).to(x))
            bits.append(8.0 * len(data))
        return Coded(torch.stack(decoded), x.new_tensor(bits))

    def compress(self, x: Tensor, **options: Any) -> Mapping[str, bytes]:
        return {"file": self._written(_picture(_source_of(x)), options)}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        if payload.keys() != {"file"}:
            raise StreamError(f"no payload of {self.spec.name}: its parts are {sorted(payload)}", "corrupt")
        try:
            with header_of(payload["file"]) as header:
                size = header.size
            if size != (shape[2], shape[1]):  # nothing is decoded of a file that is larger than the stream says
                raise StreamError(f"the file in the stream is of size {size}, not {(shape[2], shape[1])}", "corrupt")
            planes = self._read(payload["file"], shape[0])
        except ImageError as error:
            raise StreamError(f"the file in the stream cannot be read: {error}", "corrupt") from error
        if planes.shape != shape:
            raise StreamError(f"the file in the stream has the shape {tuple(planes.shape)}, not {shape}", "corrupt")
        return planes[None].to(self._place)

    def take(self, image: ImageLike) -> tuple[Source, Tensor, dict[str, Any]]:
        source = _stored(image)
        return source, source.x.to(self._place), self._options(source)

    def encode(self, image: ImageLike | Tensor, **options: Any) -> bytes:
        """The file of one image, with its EXIF, XMP, ICC profile and resolution; upright.

        image: as for a call; a tensor is `(C, H, W)` or `(1, C, H, W)`. options: as for a call. Raises ImageError.
        """
        if isinstance(image, Tensor):
            image = image[None] if image.ndim == 3 else image
            self._check(image)
            if len(image) > 1:
                raise ImageError(f"a file holds one image, the batch has {len(image)}: encode them one by one")
            source = _source_of(self._fit_channels(image))
            return self._written(_picture(source), options)
        image = _upright(image)
        stored = images.as_stored(image) if isinstance(image, Image.Image) else None
        if stored is None:
            source = images.read(image, stored=True)
            if source.dtype == np.uint16:
                return super().encode(image, **options)
            stored = _picture(source)
        if stored.mode in ("LA", "RGBA") and not self.alpha:
            return super().encode(image, **options)
        return self._written(stored, options)

    def _written(self, image: Image.Image, options: Mapping[str, Any]) -> bytes:
        write: Callable[..., bytes] = self.write
        return write(image, **options)

    def _read(self, data: bytes, channels: int) -> Tensor:
        """A file's samples as `(C, H, W)` in [0, 1]."""
        image = decoding.open_bytes(data, max_pixels=UNBOUNDED, formats=self.forms).convert(
            "L" if channels == 1 else "RGB"
        )
        image.info.clear()
        return images.read(image, stored=True).x[0]


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """The file of an image in a format of Pillow, with the metadata in `image.info`.

    Raises ImageError for what the format does not take, such as a side of more than 65,535 pixels.
    """
    file = io.BytesIO()
    try:
        image.save(file, form, **metadata(image, form), **options)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:  # what Pillow's encoders raise
        width, height = image.size
        raise ImageError(f"Pillow cannot write {width}x{height} {image.mode} as {form}: {error}") from error
    return file.getvalue()


def as_written(image: ImageLike) -> Image.Image:
    """An image as `FileCodec.write` gets it: 8 bits, upright, of mode L, LA, RGB or RGBA, `info` with what is kept."""
    image = _upright(image)
    stored = images.as_stored(image) if isinstance(image, Image.Image) else None
    return stored if stored is not None else _picture(images.read(image, stored=True))


def _upright(image: ImageLike) -> Image.Image | np.ndarray:
    """An image of Pillow's, or a file, as the file stores it, but upright."""
    given = taken(image)
    if isinstance(given, Image.Image):
        texts = decoding.texts_of(given)
        given = upright(with_sound_exif(given))
        given.info |= {"texts": texts} if texts else {}
    return given


def _stored(image: ImageLike) -> Source:
    return images.read(_upright(image), stored=True)


def _source_of(x: Tensor) -> Source:
    return Source(x.detach().cpu(), 255.0, np.dtype(np.uint8))


def _picture(source: Source) -> Image.Image:
    """The image as 8-bit L, LA, RGB or RGBA."""
    alpha = source.alpha
    if alpha is not None and source.peak != 255:
        alpha = np.rint(alpha * (255 / source.peak)).astype(np.uint8)
    planes = source.x.shape[1] + (alpha is not None)
    as_bytes = replace(
        source, peak=255.0, dtype=np.dtype(np.uint8), rank=2 if planes == 1 else 3, alpha=alpha, mode=_MODES[planes]
    )
    image = as_bytes.give_image(source.x)
    assert isinstance(image, Image.Image)  # a mode was asked for
    return image
