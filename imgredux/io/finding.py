"""Image files in folders. Imports no torch."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from imgredux.errors import ImgreduxError

# The extensions that a folder is searched for; a file named by the user is opened whatever its name.
READABLE = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".jp2", ".avif", ".jxl")


def find_images(inputs: Iterable[str | PathLike]) -> list[Path]:
    """The files among the inputs, and in place of each folder the image files in it, sorted by name.

    Subfolders, hidden files and other extensions than `READABLE` are left out. Whether a file exists or holds an image
    shows when it is opened. Raises ImgreduxError for a folder that holds no image file or cannot be listed.
    """
    found: list[Path] = []
    for path in map(Path, inputs):
        if not path.is_dir():
            found.append(path)
            continue
        try:
            inside = sorted(child for child in path.iterdir() if child.suffix.lower() in READABLE and child.is_file())
        except OSError as error:
            raise ImgreduxError(f"cannot list the folder: {error}") from error
        inside = [child for child in inside if not child.name.startswith(".")]
        if not inside:
            raise ImgreduxError(f"the folder {path} holds no image file ({' '.join(READABLE)})")
        found += inside
    return found
