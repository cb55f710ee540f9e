"""Files and images in and out. Importing it imports no torch; `images` does."""

from typing import TYPE_CHECKING

from imgredux._lazy import resolver

if TYPE_CHECKING:
    from imgredux.io import exif as exif
    from imgredux.io import files as files
    from imgredux.io import finding as finding
    from imgredux.io import images as images
    from imgredux.io import jpeg_header as jpeg_header
    from imgredux.io import jsonl as jsonl
    from imgredux.io import opening as opening

__getattr__, __dir__ = resolver(__name__, {}, ("exif", "files", "finding", "images", "jpeg_header", "jsonl", "opening"))
