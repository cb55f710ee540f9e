"""What may be given as an image, and how it is opened: files in every form to PIL images, array-likes to arrays."""

from os import PathLike
from typing import Any, BinaryIO, Protocol

import numpy as np
from PIL import Image

from imgredux.errors import ImageError
from imgredux.io.decoding import open_bytes, open_image


class HasArray(Protocol):
    """What NumPy makes an array of by itself."""

    def __array__(self, *args: Any, **options: Any) -> np.ndarray: ...


class HasDLPack(Protocol):
    """An array of another library, as DLPack hands it over."""

    def __dlpack__(self, *args: Any, **options: Any) -> Any: ...


ImageFile = str | PathLike | bytes | bytearray | memoryview | BinaryIO
ImageLike = Image.Image | np.ndarray | ImageFile | HasArray | HasDLPack


def taken(image: ImageLike) -> Image.Image | np.ndarray:
    """The PIL image or the array that an image in any form is.

    A path, the bytes of an image file and a file opened for reading in binary are opened alike. A file that can seek is
    read from its start, and stands afterwards where it stood. What has `__array__` or `__dlpack__` is an array; a
    tensor is not: methods take it as it is. Raises ImageError.
    """
    if isinstance(image, (np.ndarray, Image.Image)):
        return image
    if isinstance(image, (str, PathLike)):
        return open_image(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return open_bytes(bytes(image))
    if not isinstance(image, type) and not _is_tensor(image):
        if callable(getattr(image, "read", None)):
            return open_bytes(_read(image))
        if hasattr(image, "__array__") or hasattr(image, "__dlpack__"):
            return _as_array(image)
    forms = "a numpy array or what has __array__ or __dlpack__, a PIL image, a path, an image file's bytes"
    raise ImageError(f"{type(image).__name__} is no image: pass a tensor, {forms}, or a file opened in binary")


def _is_tensor(image: Any) -> bool:
    from torch import Tensor

    return isinstance(image, Tensor)


def _read(file: Any) -> bytes:
    """All that a file holds; of one that cannot seek, the rest."""
    name = type(file).__name__
    try:
        place = file.tell() if file.seekable() else None
        if place is not None:
            file.seek(0)
        try:
            data = file.read()
        finally:
            if place is not None:
                file.seek(place)
    except Exception as error:  # a closed file raises ValueError; what is no file at all, anything
        raise ImageError(f"{name}: cannot be read as an image: {error}", "corrupt") from error
    if not isinstance(data, bytes):
        raise ImageError(f"{name} gives {type(data).__name__}, no bytes: open the file in binary, as open(path, 'rb')")
    return data


def _as_array(image: Any) -> np.ndarray:
    """An array of another library; of another device, copied to memory."""
    try:
        if hasattr(image, "__array__"):
            return np.asarray(image)
    except Exception as error:  # arrays on a GPU refuse, each library in its own words
        if not hasattr(image, "__dlpack__"):
            raise ImageError(f"{type(image).__name__} gives no array: {error}") from error
    from torch import from_dlpack

    try:
        return from_dlpack(image).detach().cpu().numpy()
    except Exception as error:
        raise ImageError(f"{type(image).__name__} gives no array: {error}") from error
