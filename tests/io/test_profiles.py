"""Colors by primaries and curves: against LittleCMS, and never by a name."""

import io
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from imgredux.io import decoding, images, profiles
from tests.io import made

STANDARD = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
P3 = profiles.PRIMARIES[12]
MADE = {
    "linear": profiles.profile_of(1.0, profiles.SRGB),
    "P3, gamma 2.2": profiles.profile_of(2.2, P3),
    "P3, the curve of sRGB": profiles.profile_of(None, P3),
    "BT.2020": profiles.profile_of(None, profiles.PRIMARIES[9]),
}


def renamed(profile: bytes, name: str) -> bytes:
    """The same profile under another name of as many characters."""
    old = "stated by the file".encode("utf-16-be")
    return profile.replace(old, name.ljust(18)[:18].encode("utf-16-be"))


@pytest.mark.parametrize("name", MADE)
def test_a_profile_means_what_littlecms_says(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    theirs = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(MADE[name])),
        STANDARD,
        renderingIntent=1,
        outputMode="RGB",
    )
    found = profiles.matrix_of(MADE[name])
    assert found is not None
    ours = profiles.encoded(found.linear(pixels.transpose(2, 0, 1) / 255)).transpose(1, 2, 0)
    assert np.abs(np.clip(np.rint(255 * ours), 0, 255) - np.asarray(theirs).astype(int)).max() <= 1


@pytest.mark.parametrize("kind", range(5))
def test_parametric_curves(kind: int) -> None:
    g, a, b, c, d, e, f = 2.2, 0.9, 0.1, 0.3, 0.05, 0.02, 0.01
    numbers = [(g,), (g, a, b), (g, a, b, c), (g, a, b, c, d), (g, a, b, c, d, e, f)][kind]
    tag = (
        b"para"
        + bytes(4)
        + struct.pack(">HH", kind, 0)
        + b"".join(struct.pack(">i", round(v * 65536)) for v in numbers)
    )
    x = np.linspace(0, 1, 4096)
    base = (a * x + b) ** g
    expected = [
        x**g,
        np.where(x >= -b / a, base, 0),
        np.where(x >= -b / a, base + c, c),
        np.where(x >= d, base, c * x),
        np.where(x >= d, base + e, c * x + f),
    ][kind]
    assert np.abs(profiles._curve(tag) - expected).max() < 1e-3


def test_a_name_says_nothing() -> None:
    standard = profiles.profile_of(None, profiles.SRGB)
    assert profiles.is_srgb(STANDARD.tobytes())
    assert profiles.is_srgb(renamed(standard, "Adobe RGB (1998)"))
    for profile in MADE.values():
        for name in ("sRGB", "sRGB IEC61966-2.1", "Linear sRGB", "P3 sRGB transfer"):
            assert not profiles.is_srgb(renamed(profile, name))
    assert profiles.is_srgb(profiles.profile_of(None, None))
    assert not profiles.is_srgb(profiles.profile_of(1.8, None))


@pytest.mark.parametrize("profile", [b"", b"x" * 200, bytes(500), STANDARD.tobytes()[:200], MADE["linear"][:-30]])
def test_what_is_no_profile_is_not_srgb_and_raises_nothing(profile: bytes) -> None:
    assert not profiles.is_srgb(profile)
    assert profiles.hdr_of(profile) == ""


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (((b"gAMA", struct.pack(">I", 100_000)),), 1.0),
        (((b"gAMA", struct.pack(">I", 55_556)),), 1.8),
        (((b"cICP", bytes([1, 8, 0, 1])),), 1.0),
        (((b"gAMA", struct.pack(">I", 100_000)), (b"sRGB", b"\0")), None),
        (((b"gAMA", struct.pack(">I", 45_455)),), None),
        (((b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", struct.pack(">I", 100_000))), None),
        (((b"gAMA", struct.pack(">I", 0)),), None),
    ],
)
def test_what_a_png_states_without_a_profile(tmp_path, said, seen: float | None) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(made.chunks(made.saved(form="PNG"), *said))
    values = np.asarray(made.photograph()) / 255
    expected = values if seen is None else profiles.encoded(values**seen)
    x = images.read(path).x[0].permute(1, 2, 0).numpy()
    assert np.abs(x - expected).max() < 1.6 / 255


def test_hdr_is_refused_by_name(tmp_path) -> None:
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        (tmp_path / "a.png").write_bytes(made.chunks(made.saved(form="PNG"), (b"cICP", bytes([9, transfer, 0, 1]))))
        with pytest.raises(images.ImageError, match=f"an HDR image \\({name}\\)"):
            decoding.open_image(tmp_path / "a.png")


def test_a_wide_color_is_seen_beyond_srgb() -> None:
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    seen = images.as_seen(red, MADE["P3, the curve of sRGB"])
    assert seen[0, 0].min() > 1.05
    assert seen[0, 1].max() < -0.05
    assert torch.equal(images.as_seen(red, None), images.as_seen(red, STANDARD.tobytes()))
