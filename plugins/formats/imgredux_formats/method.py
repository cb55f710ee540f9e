"""JPEG, WebP, AVIF and JPEG XL as Pillow's encoders write them."""

import importlib
from typing import Any, ClassVar

from PIL import Image, features

from imgredux.errors import ImageError, PluginError
from imgredux.methods.filecodec import FileCodec, saved


class Format(FileCodec):
    """A format of Pillow: `quality=` in a call is the encoder's own, a whole number among `qualities`."""

    form: ClassVar[str]
    qualities: ClassVar[range] = range(101)
    default: ClassVar[int]
    options: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.forms = frozenset({cls.form})

    def write(self, image: Image.Image, *, quality: int | None = None) -> bytes:
        quality = self.default if quality is None else quality
        if quality not in self.qualities:
            ends = f"{self.qualities[0]} to {self.qualities[-1]}"
            raise ImageError(f"quality is {quality}: {self.form} has whole numbers from {ends}")
        return saved(image, self.form, quality=int(quality), **self.options)


class Jpeg444(Format):
    """Baseline tables of the standard scaled by quality, three planes of full size, optimised and progressive."""

    form, qualities, default = "JPEG", range(1, 101), 90
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
    """Lossy JPEG XL by libjxl, where the package pillow-jxl-plugin is installed; its 100, lossless, fails."""

    form, qualities, default = "JXL", range(1, 100), 88

    def __init__(self) -> None:
        super().__init__()
        try:
            importlib.import_module("pillow_jxl")  # registers the format with Pillow
        except ImportError as error:
            raise PluginError("JPEG XL is not part of Pillow: pip install pillow-jxl-plugin") from error


def _need(feature: str) -> None:
    if not features.check(feature):
        raise PluginError(f"this Pillow was built without {feature}: install Pillow's own wheel, 11.3 or newer")
