"""Declarations of the formats that everybody opens, by the encoders that come with Pillow."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec


def _format(name: str, target: str, title: str, paper: str, values: tuple[int, ...] = ()) -> Spec:
    return Spec(
        name=name,
        kind="codec",
        target=f"imgredux_formats.method:{target}",
        title=title,
        paper=paper,
        license="Apache-2.0",
        knob=("quality", values) if values else None,
        exceptions={
            "golden_output": "the files are those of an encoder that Pillow brings, and change with its version"
        },
    )


JPEG = "ITU-T T.81 (1992); libjpeg-turbo, optimised Huffman tables, progressive"
SPECS = [
    _format("jpeg420", "Jpeg420", "JPEG with chroma of half the size", JPEG, (10, 25, 40, 55, 70, 80, 90, 95)),
    _format("jpeg444", "Jpeg444", "JPEG with chroma of full size", JPEG, (10, 25, 40, 55, 70, 80, 90, 95)),
    _format("png", "Png", "PNG, lossless", "ISO/IEC 15948:2004; libpng, then oxipng"),
    _format("webp", "WebP", "WebP, lossy or lossless", "RFC 9649; libwebp, method 6", (5, 20, 40, 60, 75, 85, 92, 97)),
    _format(
        "avif",
        "Avif",
        "AVIF with chroma of full size",
        "AV1 still images; libavif, speed 6",
        (20, 35, 50, 62, 72, 80, 88, 94),
    ),
    _format(
        "jxl",
        "Jxl",
        "JPEG XL, lossy or lossless",
        "ISO/IEC 18181; libjxl by pillow-jxl-plugin",
        (20, 35, 50, 65, 75, 85, 90, 95),
    ),
]


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return SPECS
