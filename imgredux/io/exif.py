"""EXIF that is sound enough to be read and written; what is damaged costs an image its EXIF, never the image."""

import warnings

from PIL import Image

ORIENTATION = 0x0112  # tag
_RAW = "Raw profile type exif"  # where old PNG files keep it
UPRIGHT = 1


def with_sound_exif(image: Image.Image, label: str = "the image") -> Image.Image:
    """The image itself where its EXIF can be read and written again; else a copy without it, and a warning.

    The copy keeps the orientation, as far as that can be read. label: how the warning calls the image.
    """
    if "exif" not in image.info and _RAW not in image.info:
        return image
    try:
        image.getexif()
        if "exif" in image.info:
            without_orientation(image.info["exif"])
    except Exception as error:  # Pillow's parser raises SyntaxError, struct.error, TypeError and more
        orientation = _orientation(image)
        image = image.copy()
        image.info = {key: value for key, value in image.info.items() if key not in ("exif", _RAW)}
        if orientation != UPRIGHT:
            mended = Image.Exif()
            mended[ORIENTATION] = orientation
            image.info["exif"] = mended.tobytes()
        warnings.warn(f"{label}: its EXIF data are damaged ({type(error).__name__}: {error}): left out", stacklevel=3)
    return image


def without_orientation(exif: bytes) -> bytes:
    """The same EXIF data for pixels that are upright. Raises whatever Pillow's parser raises for damaged data."""
    parsed = Image.Exif()
    parsed.load(exif)
    parsed.pop(ORIENTATION, None)
    return parsed.tobytes()


def _orientation(image: Image.Image) -> int:
    parsed = Image.Exif()
    try:
        parsed.load(image.info.get("exif", b""))
        found = parsed.get(ORIENTATION)
    except Exception:  # as above
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT
