"""Images as notebooks show them."""

import base64
import io
from html import escape
from typing import Any

import numpy as np
from PIL import Image

from imgredux.io import images


def png(image: Any) -> bytes | None:
    """One image, in any form, as a PNG of 8 bits in sRGB; None for a batch."""
    from torch import Tensor

    if isinstance(image, Tensor):
        if image.ndim != 3:
            return None
        planes = image.detach().float().cpu()
    else:
        planes = images.read(image).x[0]
    pixels = planes.clamp(0, 1).mul(255).round().byte().numpy()
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def figure(data: bytes, caption: str) -> str:
    """A PNG over its caption, in HTML."""
    source = base64.b64encode(data).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{source}"><figcaption>{escape(caption)}</figcaption></figure>'
