"""The contract of codecs: authors write forward, compress and decompress; streams and containers are made here."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from imgredux.errors import ImageError, StreamError
from imgredux.io import images
from imgredux.io.given import ImageFile
from imgredux.io.images import ImageLike, Source
from imgredux.io.xmp import with_texts
from imgredux.methods import stream
from imgredux.methods.base import Method
from imgredux.methods.settings import keywords_of
from imgredux.methods.tiling import pad


class Coded(NamedTuple):
    """What a codec's forward gives: the decoded image `(B, C, H, W)` and the bits spent on each image `(B,)`."""

    image: Tensor
    bits: Tensor


class Codec(Method):
    """A codec: `forward` simulates it with gradients, `compress` and `decompress` do it; streams are made here."""

    if TYPE_CHECKING:  # what a call gives; the code is that of `Method`

        @overload
        def __call__(self, image: Tensor, /, **options: Any) -> Coded: ...
        @overload
        def __call__(self, image: np.ndarray, /, **options: Any) -> np.ndarray: ...
        @overload
        def __call__(self, image: Image.Image | ImageFile, /, **options: Any) -> Image.Image: ...
        def __call__(self, image: ImageLike | Tensor, /, **options: Any) -> Any: ...

    @property
    def knob(self) -> tuple[str, tuple[int | float | str, ...]] | None:
        """The keyword that trades size for quality, and some of its values, from the smallest files to the best images.

        `Spec.knob`, unless the weights have other values; None: each image has one file.
        """
        return self.spec.knob

    @property
    def settings(self) -> list[str] | None:
        """The keywords that `encode` takes; None where it takes any."""
        return keywords_of(self.compress, ("x",))

    @abstractmethod
    def forward(self, x: Tensor) -> Coded:
        """The image after coding, and the bits `(B,)` it takes, differentiable where the Spec says so.

        x: `(B, C, H, W)` in [0, 1]. A codec may take keywords, such as the one that `Spec.knob` names. So may
        `compress`.
        """
        raise NotImplementedError

    @abstractmethod
    def compress(self, x: Tensor) -> Mapping[str, bytes]:
        """Code one image `(1, C, H, W)`, in [0, 1] and of a legal size, into named parts.

        The parts must hold whatever the decoder needs besides the weights and the size, constructor options included.
        """
        raise NotImplementedError

    @abstractmethod
    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        """The image `(1, C, H, W)` of a payload; shape is the (C, H, W) that `compress` saw.

        Raises StreamError for a payload that it cannot have written.
        """
        raise NotImplementedError

    def encode(self, image: ImageLike | Tensor, **options: Any) -> bytes:
        """Code one image into a self-describing stream; alpha is kept without loss; ICC, EXIF and XMP
        are kept, and texts in the XMP.

        image: as for a call; a tensor is `(C, H, W)` or `(1, C, H, W)`. options: as for a call. Raises ImageError.
        """
        with torch.no_grad():
            source, x = self._source(image)
            self._check(x)
            legal = pad(self._fit_channels(x), self.spec.multiple_of, self.spec.minimum)
            compress: Callable[..., Mapping[str, bytes]] = self.compress
            payload = compress(legal, **options)
        deep = source is not None and source.peak != 255
        alpha = None
        if source is not None and source.alpha is not None:
            alpha = np.rint(source.alpha * (65535 / source.peak) if deep else source.alpha)
            alpha = alpha.astype("<u2" if deep else "u1").tobytes()
        info = source.info if source else {}
        try:
            coded = stream.Stream(
                method=self.spec.name,
                tag=self.tag,
                digest=self.digest,
                width=x.shape[-1],
                height=x.shape[-2],
                channels=x.shape[1],
                depth=16 if deep else 8,
                payload=payload,
                alpha=alpha,
                icc=info.get("icc_profile"),
                exif=info.get("exif"),
                xmp=with_texts(info.get("xmp"), info.get("texts") or {}),
            )
        except ValueError as error:
            raise ImageError(f"the image does not fit a stream: {error}") from error
        return stream.pack(coded)

    def _source(self, image: ImageLike | Tensor) -> tuple[Source | None, Tensor]:
        if not isinstance(image, Tensor):
            source = images.read(image)
            return source, source.x.to(self._place)
        if image.ndim == 4 and len(image) != 1:
            raise ImageError(f"a stream holds one image, the batch has {len(image)}: encode them one by one")
        return None, image[None] if image.ndim == 3 else image

    def decode(self, data: bytes, *, max_pixels: int = stream.MAX_PIXELS) -> Image.Image | np.ndarray:
        """The image of a stream that this method wrote: a PIL image, or a uint16 array for 16-bit colour.

        Raises StreamError: damaged or foreign stream, or one made with other weights.
        """
        coded = stream.unpack(data, max_pixels=max_pixels)
        if coded.method != self.spec.name:
            raise StreamError(f"the stream was made by {coded.method!r}, not {self.spec.name!r}", "foreign")
        if coded.digest != self.digest:
            made = f"{coded.method}.{coded.tag}" if coded.tag else coded.method
            raise StreamError(
                f"the stream was made with weights {made!r} ({coded.digest.hex()}), these are {self.tag!r} "
                f"({self.digest.hex()})",
                "wrong-weights",
            )
        return _as_image(coded, self._decoded(coded))

    def _decoded(self, coded: stream.Stream) -> Tensor:
        """The colour planes `(1, C, height, width)`."""
        spec = self.spec
        channels = coded.channels if coded.channels in spec.channels else 3
        sides = (math.ceil(max(n, spec.minimum) / spec.multiple_of) for n in (coded.height, coded.width))
        height, width = (side * spec.multiple_of for side in sides)
        with torch.no_grad():
            y = self.decompress(coded.payload, (channels, height, width))
        if y.shape != (1, channels, height, width) or not y.isfinite().all():
            raise StreamError(f"{spec.name} decoded {tuple(y.shape)} or values that are not finite", "corrupt")
        y = y[..., : coded.height, : coded.width]
        return y.mean(1, keepdim=True) if coded.channels < channels else y

    def _crop(self, result: Coded, batch: Tensor, squeeze: bool) -> Coded:
        return Coded(super()._crop(result.image, batch, squeeze), result.bits[0] if squeeze else result.bits)

    def give(self, source: Source, result: Coded) -> Any:
        return source.give_image(result.image)


def metadata_of(coded: stream.Stream) -> dict[str, Any]:
    """The metadata of a stream as the `info` of a PIL image has them."""
    found = {"icc_profile": coded.icc, "exif": coded.exif, "xmp": coded.xmp}
    return {key: value for key, value in found.items() if value}


def _as_image(coded: stream.Stream, y: Tensor) -> Image.Image | np.ndarray:
    dtype = np.dtype(np.uint8 if coded.depth == 8 else np.uint16)
    alpha = None
    if coded.alpha is not None:
        stored = dtype.newbyteorder("<")
        alpha = np.frombuffer(coded.alpha, stored).reshape(coded.height, coded.width).astype(dtype)
    planes = coded.channels + (alpha is not None)
    mode = None if coded.depth == 16 and planes > 1 else ("", "L", "LA", "RGB", "RGBA")[planes]
    info = metadata_of(coded)
    source = Source(y, float(np.iinfo(dtype).max), dtype, 2 if planes == 1 else 3, alpha, mode, info)
    return source.give_image(y)
