"""The conformance suite of codecs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from imgredux.dispatch import decode
from imgredux.methods import stream
from imgredux.methods.codec import Codec
from imgredux.testing.calls import SIZES, ImageOutChecks
from imgredux.testing.declaration import DeclarationChecks
from imgredux.testing.inputs import as_tensor, sample_image
from imgredux.testing.process import run_python

CHILD = "import runpy; runpy.run_module('imgredux.testing.child', run_name='__main__', alter_sys=True)"


class CodecConformance(ImageOutChecks, DeclarationChecks):
    """Subclass it in a plugin's tests and set `name`; every check is explained by the message it fails with."""

    # Grey levels: what is rounded to 8 bits may fall to either side when encoder and decoder sum in another order.
    decode_tolerance: ClassVar[int] = 1
    bits_tolerance: ClassVar[float] = 0.05

    def test_decoding_gives_what_forward_simulates(self, method: Codec) -> None:
        for channels in self.channels:
            for height, width in SIZES:
                pixels = sample_image(height, width, channels)
                decoded = _decoded(method.encode(pixels), pixels)
                assert decoded.shape == pixels.shape, f"{pixels.shape} is decoded as {decoded.shape}"
                simulated = self.in_form(method(as_tensor(pixels)).image, np.dtype(np.uint8), 255)
                off = np.abs(decoded.astype(int) - simulated).max()
                assert off <= self.decode_tolerance, f"{height}x{width}, C={channels}: {off} grey levels from forward"

    def test_bits_are_those_of_the_payload(self, method: Codec) -> None:
        for channels in self.channels:
            for seed in range(3):
                x = as_tensor(sample_image(128, 160, channels, seed))
                estimated, data = method(x).bits.item(), method.encode(x)
                parts = stream.unpack(data).payload.values() if stream.is_stream(data) else [data]
                real = 8 * sum(map(len, parts))
                off = abs(estimated / real - 1)
                assert off <= self.bits_tolerance, f"forward says {estimated:.0f} bits, the payload has {real}"

    def test_another_process_decodes_the_same(self, method: Codec, tmp_path: Path) -> None:
        coded = {str(channels): method.encode(sample_image(65, 131, channels)) for channels in self.channels}
        here = {name: np.asarray(decode(data)) for name, data in coded.items()}
        for threads in (1, 3):
            folder = tmp_path / str(threads)
            self._decode_elsewhere(coded, folder, threads)
            for name, image in here.items():
                there = folder / f"{name}.npy"
                error = next((path.read_text("utf-8") for path in folder.glob(f"{name}.[er]*")), "no result")
                assert there.is_file(), f"another process cannot decode the stream: {error}"
                same = np.array_equal(np.load(there), image)
                assert same, f"another process with {threads} threads decodes another image, C={name}"

    def _decode_elsewhere(self, coded: Mapping[str, bytes], folder: Path, threads: int = 1) -> None:
        folder.mkdir()
        specs = [asdict(self.spec)] if self.info.distribution is None else []
        (folder / "specs.json").write_text(json.dumps(specs), "utf-8")
        for name, data in coded.items():
            (folder / f"{name}.stream").write_bytes(data)
        run_python(CHILD, str(folder), str(threads))

    def test_damaged_streams_are_refused(self, method: Codec, tmp_path: Path) -> None:
        data = method.encode(sample_image(24, 40, self.channels[-1]))
        if not stream.is_stream(data):
            pytest.skip("the payload is a public format, which need not notice damage")
        self._decode_elsewhere(dict(_damaged(data)), tmp_path / "damaged")
        for outcome in (tmp_path / "damaged").glob("*.[en]*"):
            what = outcome.read_text("utf-8") if outcome.suffix == ".error" else "an image is decoded"
            pytest.fail(f"{outcome.stem}: must raise StreamError, but {what}")

    def test_damaged_payloads_never_crash(self, method: Codec, tmp_path: Path) -> None:
        data = method.encode(sample_image(24, 40, self.channels[-1]))
        if not stream.is_stream(data):
            pytest.skip("the payload is a public format, which Pillow reads")
        altered = dict(_altered(data))
        self._decode_elsewhere(altered, tmp_path / "altered")
        for outcome in (tmp_path / "altered").glob("*.error"):
            pytest.fail(f"{outcome.stem}: must raise StreamError or give an image, but {outcome.read_text('utf-8')}")
        for outcome in (tmp_path / "altered").glob("*.npy"):
            head = stream.unpack(altered[outcome.stem])
            assert np.load(outcome).shape[:2] == (head.height, head.width), f"{outcome.stem}: decodes to another size"

    def test_the_knob_trades_size_for_quality(self, method: Codec) -> None:
        if method.knob is None:
            pytest.skip("the codec declares no knob")
        keyword, values = method.knob
        pixels = sample_image(96, 128, self.channels[-1])
        sizes, errors = [], []
        for value in (values[0], values[-1]):
            data = method.encode(pixels, **{keyword: value})
            sizes.append(len(data))
            errors.append(np.square(_decoded(data, pixels).astype(float) - pixels).mean())
        assert sizes[0] < sizes[1], f"{keyword}={values[0]} takes {sizes[0]} bytes, {values[-1]} takes {sizes[1]}"
        assert errors[0] > errors[1], f"{keyword}={values[0]} is nearer to the image than {values[-1]}"

    def test_alpha_is_kept_in_the_stream(self, method: Codec) -> None:
        alpha = sample_image(31, 45, 1, seed=9)
        for channels in self.channels:
            pixels = np.dstack([sample_image(31, 45, channels), alpha])
            decoded = _decoded(method.encode(Image.fromarray(pixels)), pixels)
            assert decoded.shape == pixels.shape, f"{pixels.shape} with alpha becomes {decoded.shape}"
            assert np.array_equal(decoded[..., -1], alpha), "the alpha plane was changed"


def _decoded(data: bytes, like: np.ndarray) -> np.ndarray:
    """The image of a stream; a public format without greyscale gives grey as three planes, which become one here."""
    image = decode(data)
    gray = "L" if like.ndim == 2 else "LA" if like.shape[2] == 2 else None
    if gray is not None and isinstance(image, Image.Image) and not stream.is_stream(data):
        image = image.convert(gray)
    return np.asarray(image)


def _damaged(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Streams that no codec may decode, each with the name of what was done to it."""
    words = np.random.PCG64(3).random_raw(32)
    for at in (0, 1, 7, len(data) // 3, len(data) // 2, len(data) - 1):
        yield f"cut to {at} bytes", data[:at]
    for word in words.tolist():
        at, bit = word % len(data), word >> 40 & 7
        yield f"bit {bit} of byte {at} flipped", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
    yield "a foreign file", b"GIF89a and nothing else"
    yield "bytes appended", data + b"\0"
    whole = stream.unpack(data)
    yield "made with other weights", stream.pack(replace(whole, digest=bytes(byte ^ 255 for byte in whole.digest)))
    yield "made by an unknown method", stream.pack(replace(whole, method="nobodys-method"))


def _altered(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Streams in good order whose payload the codec cannot have written."""
    whole = stream.unpack(data)
    yield "payload without parts", stream.pack(replace(whole, payload={}))
    yield "another size", stream.pack(replace(whole, width=whole.height, height=whole.width))
    for key, part in whole.payload.items():
        words = np.random.PCG64(4).random_raw(8)
        junk = words.tobytes() * (len(part) // 64 + 1)
        versions = {"empty": b"", "half": part[: len(part) // 2], "doubled": part * 2, "junk": junk[: len(part)]}
        for word in words.tolist() if part else ():
            at = word % len(part)
            versions[f"byte {at}"] = part[:at] + bytes([part[at] ^ (word >> 32 & 255 or 1)]) + part[at + 1 :]
        for label, version in versions.items():
            yield f"part {key} {label}", stream.pack(replace(whole, payload={**whole.payload, key: version}))
