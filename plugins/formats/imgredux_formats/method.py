"""JPEG, WebP, AVIF and JPEG XL as Pillow's encoders write them."""

import importlib
from typing import Any, ClassVar

from PIL import Image, features

from imgredux.errors import ImageError, PluginError
from imgredux.filecodec import FileCodec, saved


class Format(FileCodec):
    """A format of Pillow: `quality=` in a call is the encoder's own, a whole number from 0 (JPEG: 1) to 100."""

    form: ClassVar[str]
    least: ClassVar[int] = 0
    default: ClassVar[int]
    options: ClassVar[dict[str, Any]] = {}

    def write(self, image: Image.Image, *, quality: int | None = None) -> bytes:
        quality = self.default if quality is None else quality
        if quality not in range(self.least, 101):
            raise ImageError(f"quality is {quality}: {self.form} has whole numbers from {self.least} to 100")
        return saved(image, self.form, quality=int(quality), **self.options)


class Jpeg444(Format):
    """Baseline tables of the standard scaled by quality, three planes of full size, optimised and progressive."""

    form, least, default = "JPEG", 1, 90
    options: ClassVar = {"subsampling": "4:4:4", "optimize": True, "progressive": True}


class Jpeg420(Jpeg444):
    """As `Jpeg444`, with the chroma planes at half their width and height: what most files on the web are."""

    options: ClassVar = {**Jpeg444.options, "subsampling": "4:2:0"}


class WebP(Format):
    """Lossy WebP by libwebp's slowest method; 4:2:0 only. An alpha plane is kept to the bit. Sides up to 16,383."""

    form, default, alpha = "WEBP", 85, True
    options: ClassVar = {"method": 6, "alpha_quality": 100, "exact": True}

    def __init__(self) -> None:
        super().__init__()
        _need("webp")


class Avif(Format):
    """AVIF by libavif, planes of full size, on one thread, so that the file does not depend on the machine's."""

    form, default = "AVIF", 75
    options: ClassVar = {"subsampling": "4:4:4", "speed": 6, "max_threads": 1}

    def __init__(self) -> None:
        super().__init__()
        _need("avif")


class Jxl(Format):
    """Lossy JPEG XL by libjxl, where the package pillow-jxl-plugin is installed."""

    form, default = "JXL", 88

    def __init__(self) -> None:
        super().__init__()
        try:
            importlib.import_module("pillow_jxl")  # registers the format with Pillow
        except ImportError as error:
            raise PluginError("JPEG XL is not part of Pillow: pip install pillow-jxl-plugin") from error


def _need(feature: str) -> None:
    if not features.check(feature):
        raise PluginError(f"this Pillow was built without {feature}: install Pillow's own wheel, 11.3 or newer")
