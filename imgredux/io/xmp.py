"""XMP as text: the orientation in it, and words from elsewhere put into it. Imports no torch."""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

_TIFF = "http://ns.adobe.com/tiff/1.0/"
_OURS = "https://github.com/imgredux/imgredux/texts/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_BOMS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # no XML may hold them


def orientation(xmp: bytes) -> int | None:
    """What XMP states, 1 to 8; None where it states nothing."""
    text, _ = _decoded(xmp)
    for pattern in _statements(text):
        found = re.search(pattern, text)
        if found:
            value = int(found[2])
            return value if 1 <= value <= 8 else None
    return None


def upright(xmp: bytes) -> bytes:
    """The same XMP for pixels that are upright: every statement of an orientation says 1."""
    text, encoding = _decoded(xmp)
    changed = text
    for pattern in _statements(text):
        changed = re.sub(pattern, r"\g<1>1\g<3>", changed)
    return xmp if changed == text else changed.encode(encoding, "surrogateescape")


def with_texts(xmp: bytes | None, texts: Mapping[str, str]) -> bytes | None:
    """XMP with texts by keyword, as PNG files have them, added to what it holds; None where there is nothing.

    Raises ValueError where the XMP has no place for them.
    """
    if not texts:
        return xmp
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><t:keyword>{_safe(key)}</t:keyword><t:text>{_safe(value)}</t:text></rdf:li>'
        for key, value in texts.items()
    )
    bag = f"<t:texts><rdf:Bag>{items}</rdf:Bag></t:texts>"
    described = f'<rdf:Description rdf:about="" xmlns:t="{_OURS}">{bag}</rdf:Description>'
    if xmp is None:
        whole = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">{described}</rdf:RDF></x:xmpmeta>'
        return whole.encode()
    text, encoding = _decoded(xmp)
    end = text.rfind("</rdf:RDF>")
    if end < 0 or f'xmlns:rdf="{_RDF}"' not in text.replace("'", '"'):
        raise ValueError("its XMP has no place for more")
    return (text[:end] + described + text[end:]).encode(encoding, "surrogateescape")


def _safe(text: str) -> str:
    return escape(_CONTROL.sub("�", text))


def _decoded(xmp: bytes) -> tuple[str, str]:
    encoding = next((name for mark, name in _BOMS if xmp.startswith(mark)), "utf-8")
    return xmp.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace"), encoding


def _statements(text: str) -> list[str]:
    """Patterns of a statement: what stands before the number, the number, what stands behind it."""
    prefixes = re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(_TIFF)}["']""", text)
    names = "|".join(re.escape(prefix) for prefix in dict.fromkeys([*prefixes, "tiff"]))
    return [
        rf"""(\b(?:{names}):Orientation\s*=\s*["']\s*)(\d+)(\s*["'])""",
        rf"(<(?:{names}):Orientation\b[^>]*>\s*)(\d+)(\s*<)",
    ]
