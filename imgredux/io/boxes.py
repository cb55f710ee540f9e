"""The boxes of AVIF and HEIF files, and of JPEG XL where it has them. Imports neither torch nor Pillow."""

import struct
from collections.abc import Iterator

from imgredux.io.parts import MARK, Contents

_HEIF_BRANDS = {b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif2"}
_SEQUENCES = {b"avis", b"msf1", b"hevc"}
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")
_PLAIN_PROPERTIES = {
    *(b"ispe", b"pixi", b"colr", b"av1C", b"hvcC", b"auxC", b"irot", b"imir", b"pasp"),
    *(b"a1op", b"a1lx", b"lsel", b"rloc", b"clli"),
}


def walk(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each box, and where its content begins and ends. Raises ValueError where one runs past the end."""
    end = len(data) if end is None else end
    at = start
    while at < end:
        if at + 8 > end:
            raise ValueError(f"a box at byte {at} is cut short")
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data[at + 8 : at + 16].ljust(8, b"\0"))
            head = 16
        size = end - at if size == 0 else size
        if size < head or at + size > end:
            raise ValueError(f"box {kind.decode('latin-1')} at byte {at} runs past the end")
        yield kind, at + head, at + size
        at += size


def is_heif(data: bytes) -> bool:
    return bool(_brands(data) & _HEIF_BRANDS)


def _brands(data: bytes) -> frozenset[bytes]:
    size = int.from_bytes(data[:4], "big")
    return frozenset(data[at : at + 4] for at in (8, *range(16, min(size, 128), 4)))


def read_heif(data: bytes, into: Contents) -> None:
    """Every box of an AVIF or HEIF file, and every item and property of its picture."""
    into.brands = _brands(data)
    try:
        for kind, start, end in walk(data):
            _heif_box(data, kind, start, end, into)
    except ValueError:
        if not any(part.name == "meta" for part in into.parts):
            raise
        into.add("data behind the last box", 0, "unknown")
    if into.brands & _SEQUENCES and any(part.name == "moov" for part in into.parts):
        into.frames = max(into.frames, 2)


def _heif_box(data: bytes, kind: bytes, start: int, end: int, into: Contents) -> None:
    size, name = end - start, kind.decode("latin-1")
    if kind in (b"free", b"skip"):
        if not into.note(data[start:end]):
            into.add(name, size, "padding")
    elif kind in (b"ftyp", b"mdat", b"moov"):
        into.add(name, size, "picture")
    elif kind == b"meta":
        into.add("meta", size, "picture")
        _meta(data, start + 4, end, into)
    else:
        credentials = kind == b"jumb" or (kind == b"uuid" and b"c2pa" in data[start : start + 256])
        label = "content credentials (C2PA)" if credentials else f"box {name}"
        into.add(label, size, "credentials" if credentials else "unknown")


def _meta(data: bytes, start: int, end: int, into: Contents) -> None:
    items: dict[int, tuple[bytes, bytes]] = {}
    places: dict[int, tuple[int, int]] = {}
    links: list[tuple[bytes, int, list[int]]] = []
    primary, pool = 0, 0
    for kind, first, last in walk(data, start, end):
        if kind == b"pitm":
            wide = data[first] > 0
            primary = int.from_bytes(data[first + 4 : first + (8 if wide else 6)], "big")
        elif kind == b"iinf":
            skip = 6 if data[first] == 0 else 8
            items = dict(_item(data, a) for _, a, _ in walk(data, first + skip, last))
        elif kind == b"iref":
            links = [*_links(data, first, last)]
        elif kind == b"iloc":
            places = _places(data, first)
        elif kind == b"idat":
            pool = first
        elif kind == b"iprp":
            _properties(data, first, last, into)
        elif kind == b"grpl":
            into.add("groups of pictures", last - first, "unknown")
        elif kind not in (b"hdlr", b"dinf", b"free"):
            into.add(f"box {kind.decode('latin-1')}", last - first, "unknown")
    _items(data, items, places, links, primary, pool, into)


def _item(data: bytes, at: int) -> tuple[int, tuple[bytes, bytes]]:
    """Number, kind, and content type of an item."""
    wide = data[at] >= 3
    number = int.from_bytes(data[at + 4 : at + (8 if wide else 6)], "big")
    kind = at + (10 if wide else 8)
    texts = data[kind + 4 : kind + 200].split(b"\0")
    return number, (data[kind : kind + 4], texts[1] if len(texts) > 1 else b"")


def _links(data: bytes, first: int, last: int) -> Iterator[tuple[bytes, int, list[int]]]:
    size = 4 if data[first] else 2
    for kind, at, _ in walk(data, first + 4, last):
        count = int.from_bytes(data[at + size : at + size + 2], "big")
        numbers = [
            int.from_bytes(data[p : p + size], "big") for p in range(at + size + 2, at + size + 2 + count * size, size)
        ]
        yield kind, int.from_bytes(data[at : at + size], "big"), numbers


def _places(data: bytes, at: int) -> dict[int, tuple[int, int]]:
    """Offset and size of the items that lie in one piece in the file, or in `idat` (negative offsets, less 1)."""
    version, sizes, more = data[at], data[at + 4], data[at + 5]
    offset_size, length_size, base_size, index_size = sizes >> 4, sizes & 15, more >> 4, more & 15
    wide = 4 if version == 2 else 2
    cursor = at + 6

    def number(size: int) -> int:
        nonlocal cursor
        cursor += size
        return int.from_bytes(data[cursor - size : cursor], "big")

    found = {}
    for _ in range(min(number(wide), 10_000)):
        item = number(wide)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)
        base = number(base_size)
        extents = []
        for _ in range(min(number(2), 10_000)):
            if version in (1, 2):
                number(index_size)
            extents.append((base + number(offset_size), number(length_size)))
        if len(extents) == 1:
            start, length = extents[0]
            found[item] = (-start - 1 if method == 1 else start, length)
    return found


def _properties(data: bytes, first: int, last: int, into: Contents) -> None:
    for kind, start, end in walk(data, first, last):
        if kind == b"ipco":
            for name, a, b in walk(data, start, end):
                _property(name, data[a:b], into)


def _property(name: bytes, body: bytes, into: Contents) -> None:
    if name == b"colr" and body[:4] == b"nclx":
        primaries, transfer = struct.unpack_from(">HH", body, 4)
        into.colors.setdefault("cicp", (primaries, transfer))
        into.transfer = {16: "PQ", 18: "HLG"}.get(transfer, into.transfer)
    elif name == b"colr":
        into.add("ICC profile", len(body), "icc")
    elif name == b"av1C":
        into.depth = max(into.depth or 8, 12 if body[2] & 0x20 else 10 if body[2] & 0x40 else 8)
    elif name == b"pixi":
        into.depth = max(into.depth or 8, *body[5 : 5 + body[4]])
    elif name == b"irot":
        into.turned["irot"] = {0: 1, 1: 8, 2: 3, 3: 6}[body[0] & 3]
    elif name == b"imir":
        into.turned["imir"] = 2 if body[0] & 1 else 4
    elif name == b"auxC":
        urn = body[4:].split(b"\0")[0]
        if urn not in _ALPHA:
            gain = b"gainmap" in urn.lower()
            into.add(f"auxiliary picture {urn.decode('latin-1')}", len(body), "gain map" if gain else "unknown")
    elif name not in _PLAIN_PROPERTIES:
        into.add(f"property {name.decode('latin-1')}", len(body), "unknown")


def _items(
    data: bytes,
    items: dict[int, tuple[bytes, bytes]],
    places: dict[int, tuple[int, int]],
    links: list[tuple[bytes, int, list[int]]],
    primary: int,
    pool: int,
    into: Contents,
) -> None:
    def content(number: int) -> bytes:
        start, size = places.get(number, (0, 0))
        start = pool - start - 1 if start < 0 else start
        return data[start : start + size]

    tiles = {number for kind, _, numbers in links if kind == b"dimg" for number in numbers}
    beside = {start for kind, start, _ in links if kind in (b"auxl", b"thmb")}
    for number, (kind, content_type) in items.items():
        size = places.get(number, (0, 0))[1]
        if kind == b"Exif":
            into.add_exif("EXIF", content(number)[4:])
        elif kind == b"mime" and content_type == b"application/rdf+xml":
            into.add_xmp("XMP", content(number))
        elif kind == b"tmap":
            into.add("gain map (tmap)", size, "gain map")
        elif kind in (b"av01", b"hvc1", b"grid", b"iden"):
            if number != primary and number not in tiles | beside:
                into.add("another picture", size, "second picture")
        else:
            into.add(f"item {kind.decode('latin-1')} {content_type.decode('latin-1')}".strip(), size, "unknown")


def marked_heif(data: bytes, text: str) -> bytes:
    """The AVIF with the mark of `optimize` in a box at its end that is free space to readers."""
    body = MARK + text.encode("ascii")
    return data + struct.pack(">I4s", len(body) + 8, b"free") + body
