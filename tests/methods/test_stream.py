"""The container: what is packed comes back, other bytes are a StreamError, nothing is inflated past its limit."""

import io
import random
import re
import struct
import tracemalloc
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgredux.errors import StreamError
from imgredux.methods.stream import MAX_METADATA, MAX_PARTS, MAX_PIXELS, Stream, is_stream, pack, unpack

SIGNATURE = bytes.fromhex("89 49 52 58 0D 0A 1A 0A")
REASONS = {"bad-signature", "unsupported-version", "truncated", "checksum", "corrupt", "limit"}
TINY = Stream(
    method="toy",
    tag="q10",
    digest=b"8 bytes.",
    width=3,
    height=2,
    channels=3,
    depth=8,
    payload={"y": b"one", "z": b"two"},
)
FULL = replace(TINY, alpha=b"\0\1\2\3\4\xff", icc=b"profile", exif=b"Exif\0\0")


def frame(tag: bytes, body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + tag + body + struct.pack("<I", zlib.crc32(tag + body))


def build(*chunks: tuple[bytes, bytes]) -> bytes:
    """A stream of these chunks with right checksums, written from docs/reference/stream.md without the library."""
    content = SIGNATURE + b"".join(struct.pack("<I", len(body)) + tag + body for tag, body in chunks)
    return SIGNATURE + b"".join(frame(*chunk) for chunk in (*chunks, (b"IEND", struct.pack("<I", zlib.crc32(content)))))


def split(data: bytes) -> list[tuple[bytes, bytes]]:
    """Tag and body of each chunk of a sound stream, IEND left out."""
    chunks, at = [], 8
    while data[at + 4 : at + 8] != b"IEND":
        (length,) = struct.unpack_from("<I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    return chunks


def head(
    width: int = 3,
    height: int = 2,
    channels: int = 3,
    depth: int = 8,
    *,
    version: int = 1,
    minor: int = 0,
    flags: int = 0,
) -> tuple[bytes, bytes]:
    body = struct.pack("<BBIIBBH", version, minor, width, height, channels, depth, flags)
    return b"HEAD", body + b"\x03toy" + b"\x03q10" + b"8 bytes."


def reason(data: bytes, max_pixels: int = MAX_PIXELS) -> str:
    with pytest.raises(StreamError) as caught:
        unpack(data, max_pixels=max_pixels)
    return caught.value.reason


texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=255)
metadata = st.none() | st.binary(max_size=300)


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    width, height, depth = draw(st.integers(1, 80)), draw(st.integers(1, 12)), draw(st.sampled_from([8, 16]))
    size = width * height * depth // 8
    return Stream(
        method=draw(st.from_regex(r"[a-z][a-z0-9_-]{0,254}", fullmatch=True)),
        tag=draw(texts),
        digest=draw(st.binary(min_size=8, max_size=8)),
        width=width,
        height=height,
        channels=draw(st.sampled_from([1, 3])),
        depth=depth,
        payload=draw(st.dictionaries(texts.filter(bool), st.binary(max_size=100), max_size=6)),
        alpha=draw(st.none() | st.randoms(use_true_random=False).map(lambda seeded: seeded.randbytes(size))),
        icc=draw(metadata),
        exif=draw(metadata),
        xmp=draw(metadata),
    )


@settings(max_examples=300, deadline=None)
@given(streams())
def test_unpack_gives_back_what_was_packed(stream: Stream) -> None:
    data = pack(stream)
    back = unpack(data)
    assert back == stream
    assert list(back.payload) == list(stream.payload)
    assert is_stream(data)
    assert pack(back) == data


def test_a_stream_without_xmp_is_one_of_the_first_version() -> None:
    assert pack(FULL)[17] == 0
    assert pack(replace(FULL, xmp=b"<x/>"))[17] == 1


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_any_buffer_is_read(kind: type) -> None:
    assert unpack(kind(pack(FULL))) == FULL


@pytest.mark.parametrize("size", [(2**32 - 1, 1), (1, 2**32 - 1)])
def test_the_largest_sides_are_kept(size: tuple[int, int]) -> None:
    stream = replace(TINY, width=size[0], height=size[1])
    assert unpack(pack(stream), max_pixels=2**32) == stream


def test_layout_is_the_documented_one() -> None:
    expected = build(
        head(),
        (b"DATA", b"\x01y" + b"one"),
        (b"DATA", b"\x01z" + b"two"),
        (b"ALPH", zlib.compress(b"\0\1\2\3\4\xff", 9)),
        (b"iccp", zlib.compress(b"profile", 9)),
        (b"exif", zlib.compress(b"Exif\0\0", 9)),
    )
    assert pack(FULL) == expected
    assert unpack(expected) == FULL


def test_the_example_of_the_page_is_a_stream() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "stream.md").read_text(encoding="utf-8")
    example = page.split("```")[-2].strip()
    data = bytes.fromhex(" ".join(re.split(r" {5,}", line.strip())[0] for line in example.splitlines()))
    assert unpack(data) == replace(TINY, payload={"y": b"one"})
    assert pack(unpack(data)) == data


@pytest.mark.parametrize(("depth", "dtype"), [(8, "u1"), (16, "<u2")])
@pytest.mark.parametrize("width", [31, 32, 70_001])
def test_alpha_rows_are_differences_to_the_row_above(width: int, depth: int, dtype: str) -> None:
    plane = np.random.default_rng(0).integers(0, 2**depth, (5, width)).astype(dtype)
    rows = plane if width < 32 else np.diff(plane, axis=0, prepend=plane[:1] * 0)
    stream = replace(TINY, width=width, height=5, depth=depth, alpha=plane.tobytes())
    stored = dict(split(pack(stream)))[b"ALPH"]
    assert zlib.decompress(stored) == rows.astype(dtype).tobytes()
    assert unpack(pack(stream)).alpha == plane.tobytes()


def test_chunks_between_head_and_end_come_in_any_order_and_unknown_ancillary_ones_are_skipped() -> None:
    start, *rest = split(pack(FULL))
    data = build(start, (b"note", b"written later"), *reversed(rest), (b"note", b""))
    assert unpack(data) == replace(FULL, payload={"z": b"two", "y": b"one"})


def test_later_minor_versions_are_read() -> None:
    assert unpack(build(head(minor=9))) == replace(TINY, payload={})


ALPHA = zlib.compress(bytes(6), 9)


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([(b"HEAD", b"\x02 laid out in another way")], "unsupported-version", id="future major"),
        pytest.param([head(flags=1)], "unsupported-version", id="unknown flag"),
        pytest.param([head(), (b"TILE", b"")], "unsupported-version", id="unknown critical chunk"),
        pytest.param([head(2**16, 2**13)], "limit", id="too many pixels"),
        pytest.param([head(2**32 - 1, 2**32 - 1), (b"ALPH", ALPHA)], "limit", id="far too many pixels"),
        pytest.param([head(0, 2)], "corrupt", id="no width"),
        pytest.param([head(3, 0)], "corrupt", id="no height"),
        pytest.param([head(channels=4)], "corrupt", id="four channels"),
        pytest.param([head(depth=12)], "corrupt", id="twelve bits"),
        pytest.param([(b"HEAD", b"\x01")], "corrupt", id="header cut"),
        pytest.param([(b"HEAD", head()[1] + b"!")], "corrupt", id="header longer"),
        pytest.param([(b"HEAD", head()[1].replace(b"toy", b"Toy"))], "corrupt", id="method name"),
        pytest.param([(b"HEAD", head()[1].replace(b"q10", b"q\xff0"))], "corrupt", id="tag not ASCII"),
        pytest.param([(b"HEAD", head()[1].replace(b"\x03q10", b"\xffq10"))], "corrupt", id="tag past the end"),
        pytest.param([], "corrupt", id="no header"),
        pytest.param([(b"iccp", zlib.compress(b"")), head()], "corrupt", id="header not first"),
        pytest.param([head(), head()], "corrupt", id="two headers"),
        pytest.param([head(), (b"DATA", b"\x01yone"), (b"DATA", b"\x01ytwo")], "corrupt", id="two parts of one name"),
        pytest.param([head(), (b"DATA", b"")], "corrupt", id="part without name"),
        pytest.param([head(), (b"DATA", b"\x00one")], "corrupt", id="part with empty name"),
        pytest.param([head(), (b"DATA", b"\x04one")], "corrupt", id="part name one short"),
        pytest.param([head(), (b"DATA", b"\x09one")], "corrupt", id="part name past the end"),
        pytest.param([head(), (b"D\0TA", b"")], "corrupt", id="tag not letters"),
        pytest.param([head(), (b"ALPH", ALPHA), (b"ALPH", ALPHA)], "corrupt", id="two alpha planes"),
        pytest.param([head(), (b"ALPH", zlib.compress(bytes(5)))], "corrupt", id="alpha too short"),
        pytest.param([head(64, 2), (b"ALPH", zlib.compress(bytes(100)))], "corrupt", id="filtered alpha too short"),
        pytest.param([head(), (b"ALPH", zlib.compress(bytes(7)))], "limit", id="alpha too long"),
        pytest.param([head(), (b"ALPH", ALPHA[:-1])], "corrupt", id="alpha cut"),
        pytest.param([head(), (b"ALPH", ALPHA + b"!")], "corrupt", id="alpha with more behind"),
        pytest.param([head(), (b"ALPH", b"")], "corrupt", id="alpha empty"),
        pytest.param([head(), (b"exif", b"not zlib")], "corrupt", id="EXIF not zlib"),
    ],
)
def test_well_checksummed_nonsense_is_refused(chunks: list[tuple[bytes, bytes]], expected: str) -> None:
    assert reason(build(*chunks)) == expected


def test_number_of_parts_is_limited() -> None:
    parts = [(b"DATA", b"\x05%05d" % index) for index in range(MAX_PARTS + 1)]
    assert len(unpack(build(head(), *parts[:-1])).payload) == MAX_PARTS
    assert reason(build(head(), *parts)) == "limit"


def test_pixel_limit_is_the_callers() -> None:
    assert unpack(pack(TINY), max_pixels=6) == TINY
    assert reason(pack(TINY), max_pixels=5) == "limit"


@pytest.mark.parametrize(
    ("tag", "peak"), [(b"ALPH", 2**18), *((tag, 3 * MAX_METADATA) for tag in (b"iccp", b"exif", b"xmpp"))]
)
def test_zlib_bombs_stay_within_the_limit(tag: bytes, peak: int) -> None:
    data = build(head(), (tag, zlib.compress(bytes(2**27), 9)))
    tracemalloc.start()
    try:
        assert reason(data) == "limit"
        assert tracemalloc.get_traced_memory()[1] < peak
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("width", "height"), [(1500, 1000), (1_500_000, 1), (1, 1_500_000)])
def test_reading_takes_at_most_four_alpha_planes(width: int, height: int) -> None:
    alpha = bytes(range(250)) * 6000
    data = pack(replace(TINY, width=width, height=height, alpha=alpha))
    tracemalloc.start()
    try:
        unpack(data)
        assert tracemalloc.get_traced_memory()[1] < len(data) + 4 * len(alpha)
    finally:
        tracemalloc.stop()


def foreign(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89", id="one byte"),
        pytest.param(foreign("PNG"), id="PNG"),
        pytest.param(foreign("JPEG"), id="JPEG"),
        pytest.param(bytes(1000), id="zeros"),
        pytest.param(random.Random(0).randbytes(1000), id="random"),
        pytest.param(pack(TINY).replace(b"\r\n", b"\n"), id="line ends changed by a text transfer"),
    ],
)
def test_foreign_files_are_known_by_their_signature(data: bytes) -> None:
    assert not is_stream(data)
    assert reason(data) == "bad-signature"


def test_every_truncation_is_seen() -> None:
    data = pack(FULL)
    assert {reason(data[:length]) for length in range(8, len(data))} == {"truncated"}


def test_appended_bytes_are_seen() -> None:
    assert reason(pack(FULL) + b"\0") == "corrupt"
    assert reason(pack(FULL) * 2) == "corrupt"


def test_chunks_of_equal_length_cannot_change_places_or_streams() -> None:
    """A checksum over chunks *with* their own checksums would be the same for all three."""
    one, two, other = frame(b"DATA", b"\x01yone"), frame(b"DATA", b"\x01ztwo"), frame(b"DATA", b"\x01ysix")
    data = pack(TINY)
    assert one + two in data
    assert reason(data.replace(one + two, two + one)) == "checksum"
    assert reason(data.replace(one, other)) == "checksum"


def mutant(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one seeded accident."""
    frames = [frame(*chunk) for chunk in split(data)]
    tail, copy = data[8 + sum(map(len, frames)) :], bytearray(data)
    a, b = rng.sample(range(len(frames)), 2)
    match rng.choice(["cut", "append", "flip", "flips", "length", "swap", "twice", "drop", "overwrite", "insert"]):
        case "cut":
            return data[: rng.randrange(len(data))]
        case "append":
            return data + rng.randbytes(rng.randint(1, 20))
        case "flip":
            copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
            return bytes(copy)
        case "flips":
            for at in rng.sample(range(len(copy)), rng.randint(2, 12)):
                copy[at] ^= rng.randint(1, 255)
            return bytes(copy)
        case "length":
            at = 8 + sum(map(len, frames[:a]))
            value = rng.choice([0, 1, len(frames[a]) - 13, len(frames[a]), 2**31, 2**32 - 1, rng.randrange(len(data))])
            return data[:at] + struct.pack("<I", value) + data[at + 4 :]
        case "swap":
            frames[a], frames[b] = frames[b], frames[a]
        case "twice":
            frames.insert(b, frames[a])
        case "drop":
            del frames[a]
        case "overwrite":
            at = rng.randrange(len(data))
            block = rng.randbytes(rng.randint(1, 30))
            return data[:at] + block + data[at + len(block) :]
        case "insert":
            at = rng.randrange(len(data))
            return data[:at] + rng.randbytes(rng.randint(1, 8)) + data[at:]
    return SIGNATURE + b"".join(frames) + tail


@pytest.mark.parametrize("seed", range(4))
def test_5000_accidents_are_all_seen(seed: int) -> None:
    rng = random.Random(seed)
    samples = [pack(TINY), pack(FULL), pack(replace(FULL, depth=16, alpha=bytes(12), payload={"a": b""}))]
    seen: Counter[str] = Counter()
    for _ in range(5000):
        data = rng.choice(samples)
        broken = mutant(data, rng)
        if broken == data:
            seen["unchanged"] += 1
            continue
        with pytest.raises(StreamError) as caught:
            unpack(broken)
        seen[caught.value.reason] += 1
    assert set(seen) <= REASONS | {"unchanged"}
    assert min(seen[name] for name in ("bad-signature", "truncated", "checksum", "corrupt")) > 10
    assert seen["unchanged"] < 50


@pytest.mark.parametrize("seed", range(4))
def test_5000_forgeries_with_right_checksums_are_refused_by_name_or_are_streams(seed: int) -> None:
    rng = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(5000):
        chunks = split(pack(FULL))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(chunks))
            tag, body = chunks[at]
            place = rng.randrange(len(body))
            body = rng.choice(
                [body[:place], body[:place] + rng.randbytes(rng.randint(1, 4)) + body[place + 1 :], body + b"\0"]
            )
            chunks[at] = (
                rng.choice([tag, tag, tag, b"ALPH", b"DATA", b"HEAD", b"iccp", b"none", b"NONE"]),
                body or b"\1",
            )
        try:
            stream = unpack(build(*chunks), max_pixels=4096)
        except StreamError as error:
            seen[error.reason] += 1
        else:
            seen["read"] += 1
            assert unpack(pack(stream)) == stream
    assert set(seen) == {"read", "unsupported-version", "corrupt", "limit"}


class Huge(bytes):
    def __len__(self) -> int:
        return 2**31


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "Toy"}, "method 'Toy'"),
        ({"method": "t" * 256}, "at most 255"),
        ({"tag": "q 10"}, "tag 'q 10'"),
        ({"digest": b"short"}, "8 bytes, not 5"),
        ({"width": 0}, "0 x 2 pixels"),
        ({"height": 2**32}, "3 x 4294967296 pixels"),
        ({"channels": 4}, "4 channels"),
        ({"depth": 12}, "12 bits"),
        ({"payload": {"": b""}}, "payload key ''"),
        ({"payload": {"é": b""}}, "payload key 'é'"),
        ({"payload": {"y": [b"one"]}}, r"payload\['y'\] is list: give bytes"),
        ({"payload": {"y": Huge()}}, "split it into parts"),
        ({"payload": {str(index): b"" for index in range(MAX_PARTS + 1)}}, "join them"),
        ({"alpha": bytes(5)}, "alpha plane of 5 bytes: this size and depth need 6"),
        ({"depth": 16, "alpha": bytes(6)}, "need 12"),
        ({"icc": bytes(MAX_METADATA + 1)}, "icc has 16777217 bytes"),
        ({"exif": bytes(MAX_METADATA + 1)}, "exif has 16777217 bytes"),
    ],
)
def test_what_cannot_be_stored_is_said_before_packing(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)
