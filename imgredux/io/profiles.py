"""What the numbers of a file mean as colors: ICC profiles judged by their primaries and curves, never by their name.

A matrix profile is read here and evaluated without clipping. Anything else, as tables of a scanner, is left to
LittleCMS. What a file states in another way than by a profile becomes one: `stated`. Imports no torch.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Chromaticities = tuple[tuple[float, float], ...]  # x and y of white, red, green, blue

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D65 = (0.3127, 0.329)
SRGB: Chromaticities = (_D65, (0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
# Primaries and transfer curves by their numbers in ITU-T H.273.
PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    5: (_D65, (0.64, 0.33), (0.29, 0.6), (0.15, 0.06)),
    6: (_D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    7: (_D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    9: (_D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: (_D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
HDR = {16: "PQ", 18: "HLG"}
GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
# That of video is shown as sRGB's in still images, which is what browsers do.
AS_SRGB = (1, 2, 6, 13, 14, 15)
SRGB_GAMMA = 1 / 2.2  # what old PNG files say of sRGB
NEAR = 2 / 255  # how far a curve may be from that of sRGB
NEAR_PRIMARIES = 0.004  # the same for a number of the matrix
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_POINTS = np.linspace(0, 1, 256)


@dataclass(frozen=True, eq=False)
class Matrix:
    """A profile of curves and primaries: `to_xyz` `(3, 3)`, None of a grey one, and a curve for each channel.

    Curves are values of linear light at 4,096 evenly spaced points.
    """

    to_xyz: np.ndarray | None
    curves: tuple[np.ndarray, ...]

    def linear(self, planes: np.ndarray) -> np.ndarray:
        """Light linear in the primaries of sRGB, of values `(n, ...)` in [0, 1]: not clipped, white is 1."""
        points = np.linspace(0, 1, len(self.curves[0]))
        light = np.stack([np.interp(plane, points, curve) for plane, curve in zip(planes, self.curves, strict=True)])
        if self.to_xyz is None:
            return light
        return np.tensordot(_from_xyz() @ self.to_xyz, light, 1)


def matrix_of(profile: bytes) -> Matrix | None:
    """The profile as primaries and curves; None for one of another kind, or damaged."""
    try:
        return _matrix_of(profile)
    except (struct.error, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None


def is_srgb(profile: bytes) -> bool:
    """Whether values mean what they mean in sRGB, within two levels of 255; False where that cannot be told."""
    found = matrix_of(profile)
    if found is None or _transfer_of(profile) in HDR:
        return False
    if found.to_xyz is not None and np.abs(_from_xyz() @ found.to_xyz - np.eye(3)).max() > NEAR_PRIMARIES:
        return False
    points = np.linspace(0, 1, len(found.curves[0]))
    curves = [np.interp(_POINTS, points, curve) for curve in found.curves]
    return all(np.abs(encoded(curve) - _POINTS).max() <= NEAR for curve in curves)


def hdr_of(profile: bytes) -> str:
    """ "PQ" or "HLG" where a profile says so, else empty."""
    try:
        return HDR.get(_transfer_of(profile) or 0, "")
    except (struct.error, ValueError, IndexError):
        return ""


def space_of(profile: bytes) -> str:
    """The color space of the values: "RGB", "GRAY", "CMYK", "Lab", ...; empty for what is no profile."""
    return profile[16:20].decode("latin-1").strip() if profile[36:40] == b"acsp" else ""


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light as sRGB has it, beyond [0, 1] too: its straight line goes on below 0, its power above 1."""
    power = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return np.where(light <= 0.0031308, 12.92 * light, power)


def stated(
    *,
    gamma: float | None = None,
    chromaticities: Chromaticities | None = None,
    cicp: tuple[int, int] | None = None,
    gray: bool = False,
) -> bytes | None:
    """A profile for what a file states without one; None where that is sRGB, nothing, or HDR.

    gamma: of a PNG, the exponent that encoded it, as 0.45455. chromaticities: of a PNG. cicp: numbers of H.273 for
    primaries and transfer.
    """
    exponent: float | None = None
    primaries: Chromaticities | None = chromaticities
    if cicp is not None:
        primaries = PRIMARIES.get(cicp[0])
        exponent = GAMMAS.get(cicp[1])
        if exponent is None and cicp[1] not in AS_SRGB:
            return None
    elif gamma is not None and gamma > 0 and abs(gamma - SRGB_GAMMA) > 0.005:
        exponent = 1 / gamma
    if primaries is not None and np.abs(np.subtract(primaries, SRGB)).max() < NEAR_PRIMARIES:
        primaries = None
    if exponent is None and (primaries is None or gray):
        return None
    return profile_of(exponent, None if gray else primaries or SRGB)


def profile_of(exponent: float | None, primaries: Chromaticities | None) -> bytes:
    """An ICC profile of version 4: a power, or the curve of sRGB, and primaries, None for grey."""
    numbers = (exponent,) if exponent is not None else _SRGB_CURVE
    curve = b"para" + struct.pack(">IHH", 0, 0 if exponent is not None else 3, 0) + b"".join(map(_fixed, numbers))
    tags = {b"desc": _text("stated by the file"), b"cprt": _text("none"), b"wtpt": _xyz(D50)}
    if primaries is None:
        tags |= {b"kTRC": curve}
    else:
        columns = to_xyz(primaries).T
        tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    placed: dict[bytes, int] = {}
    for name, content in tags.items():
        if content not in placed:
            placed[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += name + struct.pack(">II", placed[content], len(content))
    kind = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04200000, b"mntr", kind, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + b"".join(map(_fixed, D50))
    return head.ljust(128, b"\0") + table + body


def to_xyz(primaries: Chromaticities) -> np.ndarray:
    """The matrix `(3, 3)` from linear light to XYZ as the eye adapts to D50. Raises ValueError for no primaries."""
    white, *colors = ([x / y, 1.0, (1 - x - y) / y] if y > 0 else _none() for x, y in primaries)
    columns = np.array(colors).T
    if abs(np.linalg.det(columns)) < 1e-6:
        _none()
    columns = columns * np.linalg.solve(columns, white)
    cones = (BRADFORD @ D50) / (BRADFORD @ white)
    return np.linalg.solve(BRADFORD, cones[:, None] * (BRADFORD @ columns))


def _none() -> list[float]:
    raise ValueError("these chromaticities are those of no primaries")


@lru_cache(maxsize=1)
def _from_xyz() -> np.ndarray:
    return np.linalg.inv(to_xyz(SRGB))


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    if profile[36:40] != b"acsp" or count > 200:
        raise ValueError("no profile")
    found = {}
    for number in range(count):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if start + size > len(profile):
            raise ValueError("a tag beyond the end")
        found[name] = profile[start : start + size]
    return found


def _transfer_of(profile: bytes) -> int | None:
    tag = _tags(profile).get(b"cicp", b"")
    return tag[9] if len(tag) >= 12 else None


def _matrix_of(profile: bytes) -> Matrix | None:
    tags, space = _tags(profile), space_of(profile)
    if any(name in tags for name in (b"A2B0", b"A2B1", b"D2B0", b"D2B1")) or profile[20:24] != b"XYZ ":
        return None
    if space == "GRAY":
        return Matrix(None, (_curve(tags[b"kTRC"]),)) if b"kTRC" in tags else None
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    if space != "RGB" or not all(name in tags for name in names):
        return None
    columns = [[n / 65536 for n in struct.unpack_from(">3i", tags[name], 8)] for name in names[:3]]
    return Matrix(np.array(columns).T, tuple(_curve(tags[name]) for name in names[3:]))


def _curve(tag: bytes) -> np.ndarray:
    """A curve at 4,096 points."""
    x = np.linspace(0, 1, 4096)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.frombuffer(tag, ">u2", count, 12)
        if count == 1:
            return x ** (int(values[0]) / 256)
        return np.interp(x, np.linspace(0, 1, count), values / 65535)
    if tag[:4] != b"para":
        raise ValueError("no curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, *p = (n / 65536 for n in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12))
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0  # (a x + b)^g + e, and below d the line c x + f
    if kind in (1, 2):
        a, b = p[:2]
        d, e, f = -b / a, *(p[2:] * 2 or (0.0, 0.0))
    elif kind == 3:
        a, b, c, d = p
    elif kind == 4:
        a, b, c, d, e, f = p
    curve = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
    if not np.isfinite(curve).all():
        raise ValueError("a curve without end")
    return curve


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))


def _xyz(values: Sequence[float] | np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    content = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(content), 28) + content
