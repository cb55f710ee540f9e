"""Levels to a JPEG file, exactly: a plain sequential file, whose scans mozjpeg then finds anew without a loss.

The plain file is written fast and is not small: every symbol of AC takes eight bits. It goes no further than to mozjpeg
(`mozjpeg-lossless-optimization`), which reads the levels, tries progressive scans and optimal Huffman codes, and writes
the smallest file with them.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence

import mozjpeg_lossless_optimization as mozjpeg
import numpy as np

PLACES = 64
_AT_ONCE = 16384  # blocks
_SYMBOLS = (0x00, 0xF0, *(run << 4 | size for run in range(16) for size in range(1, 11)))  # end, 16 zeros, the others
_CODE = np.zeros(256, np.int64)
_CODE[list(_SYMBOLS)] = np.arange(len(_SYMBOLS))
_DC_BITS, _AC_BITS = 4, 8
_ZEROS = np.array([sum(1 << _AC_BITS * n for n in range(count)) for count in range(4)])  # codes of 16 zeros, in a row


def write(
    planes: Iterable[np.ndarray],
    tables: Sequence[Sequence[int]],
    size: tuple[int, int],
    about: bytes,
    half: bool = False,
) -> bytes:
    """The smallest JPEG with these levels that mozjpeg finds.

    planes: one or three `(n, 64)` int16, blocks row by row, levels in zigzag order, DC not as differences; each is
    taken when the one before is written. tables: 64 steps of each plane, from 1 to 255, row by row. size: width and
    height. about: segments for the head of the file, as they stand there. half: the planes of Cb and Cr are of half the
    size in both directions.
    """
    kinds = [1, 2, 3][: len(tables)]
    used = {}  # equal tables once
    for table in tables:
        used.setdefault(tuple(table), len(used))
    parts = [b"\xff\xd8", about]
    parts += [_segment(0xDB, bytes([number]) + bytes(_zigzagged(table))) for table, number in used.items()]
    of_plane = [used[tuple(table)] for table in tables]
    factors = [0x22 if half else 0x11, 0x11, 0x11]
    components = b"".join(bytes(one) for one in zip(kinds, factors[: len(kinds)], of_plane, strict=True))
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, size[1], size[0], len(kinds)) + components))
    parts.append(_segment(0xC4, b"\x00" + _lengths(_DC_BITS, 12) + bytes(range(12))))
    parts.append(_segment(0xC4, b"\x10" + _lengths(_AC_BITS, len(_SYMBOLS)) + bytes(_SYMBOLS)))
    for kind, levels in zip(kinds, planes, strict=True):
        parts += [_segment(0xDA, bytes([1, kind, 0x00, 0, 63, 0])), *_scan(levels)]
    return mozjpeg.optimize(b"".join([*parts, b"\xff\xd9"]), copy=mozjpeg.COPY_MARKERS.ALL)


def head_of(file: bytes) -> bytes:
    """The segments at the head of a JPEG that are about it: application data and comments."""
    at = 2
    while file[at + 1] == 0xFE or 0xE0 <= file[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(file[at + 2 : at + 4])
    return file[2:at]


def _zigzagged(table: Sequence[int]) -> Iterable[int]:
    from imgredux_jndjpeg.trellis import ZIGZAG

    return (int(table[place]) for place in ZIGZAG)


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _lengths(bits: int, count: int) -> bytes:
    """How many codes have 1 to 16 bits: all of them `bits`."""
    return bytes(count if length == bits else 0 for length in range(1, 17))


def _scan(levels: np.ndarray) -> Iterator[bytes]:
    """The entropy-coded bytes of a plane."""
    last, rest, held = 0, 0, 0  # the DC before, and bits that do not fill a byte yet
    for start in range(0, len(levels), _AT_ONCE):
        part = levels[start : start + _AT_ONCE]
        values, lengths = _coded(part, last)
        packed, total = _packed(values, lengths, rest, held)
        last = int(part[-1, 0])
        whole, held = divmod(total, 8)
        rest = packed[whole] >> (8 - held) if held else 0
        yield packed[:whole].replace(b"\xff", b"\xff\x00")
    if held:
        yield bytes([rest << (8 - held) | (1 << (8 - held)) - 1]).replace(b"\xff", b"\xff\x00")


def _coded(levels: np.ndarray, before: int) -> tuple[np.ndarray, np.ndarray]:
    """The bits of each symbol with its value, and how many there are, in the order of the file."""
    there = np.ones((len(levels), PLACES + 1), bool)  # DC, the levels that are not 0, and an end
    np.not_equal(levels[:, 1:], 0, out=there[:, 1:PLACES])
    np.equal(levels[:, -1], 0, out=there[:, PLACES])
    block, place = np.divmod(np.flatnonzero(there), PLACES + 1)
    end, first = place == PLACES, place == 0
    value = levels.reshape(-1)[block * PLACES + np.minimum(place, PLACES - 1)].astype(np.int64)
    value[first] = np.diff(levels[:, 0].astype(np.int64), prepend=before)
    size = np.frexp(np.abs(value).astype(np.float32))[1].astype(np.int64)
    size[end] = 0
    run = np.diff(place, prepend=0) - 1
    run[first | end] = 0
    code = np.where(first, size, _CODE[(run & 15) << 4 | size])
    length = np.where(first, _DC_BITS, _AC_BITS)
    code |= _ZEROS[run >> 4] << length
    value += (value < 0) * ((1 << size) - 1)
    return (code << size | np.where(end, 0, value)).astype(np.uint64), length + size + _AC_BITS * (run >> 4)


def _packed(values: np.ndarray, lengths: np.ndarray, rest: int, held: int) -> tuple[bytes, int]:
    """Bits one after the other, and how many; before them the `held` bits of `rest`. No value has more than 64 bits."""
    ends = np.cumsum(lengths) + held
    starts = ends - lengths
    word, offset = np.divmod(starts, 64)
    left = values << (64 - lengths).astype(np.uint64)  # no length is 0
    words = np.zeros(int(ends[-1]) // 64 + 2, np.uint64)
    first = np.flatnonzero(np.diff(word, prepend=-1))
    words[word[first]] = np.bitwise_or.reduceat(left >> offset.astype(np.uint64), first)
    over = np.flatnonzero(offset + lengths > 64)  # one at most in each word
    words[word[over] + 1] |= left[over] << (64 - offset[over]).astype(np.uint64)
    if held:
        words[0] |= np.uint64(rest << (64 - held))
    return words.astype(">u8").tobytes(), int(ends[-1])
