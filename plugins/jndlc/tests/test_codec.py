"""Streams of JND-LC: tiles, threads, weights, CompressAI's own files, and content that nobody wrote."""

import json
import os
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from imgredux_jndlc.exact import UNIT
from imgredux_jndlc.method import HEAD, TILE, JndLc
from PIL import Image
from safetensors.torch import save_file
from skimage import data

import imgredux
from imgredux.errors import ImageError, PluginError, StreamError, WeightsError
from imgredux.io.images import to_tensor
from imgredux.methods import stream
from imgredux.testing.inputs import sample_image

KINDS = {
    "separable": {"N": 8, "M": 12, "widths": (8, 12, 16), "lambdas": (0.0018, 0.0067, 0.013, 0.025, 0.05)},
    "hyperprior": {"N": 8, "M": 12, "lambdas": (0.0018, 0.0067, 0.013, 0.025, 0.05)},
}


def fresh(kind: str = "separable", seed: int = 0, **options) -> JndLc:
    """A small codec with random weights, large enough for latents that are not all zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        method = imgredux.create("jndlc", transforms=kind, **{**KINDS[kind], **options})
    assert isinstance(method, JndLc)
    with torch.no_grad():
        method.network.core.g_a[-1].weight *= 12
        method.network.core.g_s[0].weight *= 4
    method.eval().freeze()
    return method


@pytest.fixture(scope="module", params=KINDS)
def codec(request) -> JndLc:
    return fresh(request.param)


ELSEWHERE = """
import sys, pathlib, numpy, imgredux
from imgredux.methods import stream
folder = pathlib.Path(sys.argv[2])
payload = stream.unpack((folder / "coded").read_bytes()).payload
numpy.save(folder / "there.npy", imgredux.get("jndlc", weights=sys.argv[1]).decompress(payload, (3, 256, 320)).numpy())
"""
PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:200, 40:360])


def test_latents_of_tiles_are_those_of_the_whole(codec):
    x = torch.nn.functional.pad(to_tensor(PHOTOGRAPH), (0, 0, 0, 56), mode="replicate")
    small = fresh(kind_of(codec), tile=64)
    with torch.no_grad():
        whole = codec.network.core.g_a(x)
        torch.testing.assert_close(small._analyzed(x), whole, atol=1e-5 * whole.abs().max().item(), rtol=0)
        y_hat = (whole * 2**UNIT).round().int()
        expected = codec._synthesized(y_hat, 512)
        torch.testing.assert_close(small._synthesized(y_hat, 512), expected, atol=1e-5, rtol=0)
        if kind_of(codec) == "separable":
            assert torch.equal(small._synthesized(y_hat, 512), expected)


def kind_of(codec: JndLc) -> str:
    return "separable" if len(codec.network.core.contexts) else "hyperprior"


def test_the_side_of_tiles_travels_in_the_stream(codec):
    tiled = fresh(kind_of(codec), tile=128)
    coded = tiled.encode(PHOTOGRAPH)
    simulated = tiled(to_tensor(PHOTOGRAPH)).image[0].mul(255).round().permute(1, 2, 0).detach().numpy()
    decoded = np.asarray(codec.decode(coded)).astype(float)
    assert abs(decoded - simulated).max() <= 1
    assert len(coded) > len(codec.encode(PHOTOGRAPH))


def test_more_quality_is_more_bits_between_levels_too(codec):
    sizes = [len(codec.encode(PHOTOGRAPH, quality=level)) for level in (0, 0.5, 2, 3.7, 4)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    for level in (-0.1, 4.1, float("nan")):
        with pytest.raises(ImageError, match="levels from 0 to 4"):
            codec.encode(PHOTOGRAPH, quality=level)


def test_the_knob_has_the_levels_of_the_weights(codec):
    assert codec.knob == ("quality", (0, 1, 2, 3, 4))
    assert imgredux.create("jndlc", lambdas=(0.01,), widths=(8, 12, 16)).knob == ("quality", (0,))


def test_threads_do_not_change_a_bit(codec):
    coded, threads = codec.encode(PHOTOGRAPH), torch.get_num_threads()
    found = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(np.asarray(codec.decode(coded)))
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    assert all(np.array_equal(one, found[0]) for one in found)


def test_weights_in_training_have_no_tables(codec):
    unready = imgredux.create("jndlc", transforms=kind_of(codec), **KINDS[kind_of(codec)]).eval()
    with pytest.raises(WeightsError, match="call freeze"):
        unready.encode(PHOTOGRAPH)
    again = fresh(kind_of(codec))
    again.train()
    assert again.eval().frozen() is None
    restored = imgredux.create("jndlc", transforms=kind_of(codec), **KINDS[kind_of(codec)])
    restored.load_state_dict(codec.state_dict())
    assert restored.eval().encode(PHOTOGRAPH) == codec.encode(PHOTOGRAPH)


def test_tables_that_are_damaged_are_refused(codec):
    state = {key: value.clone() for key, value in codec.state_dict().items()}
    state["y_flat"][5] = 70000
    method = imgredux.create("jndlc", transforms=kind_of(codec), **KINDS[kind_of(codec)])
    method.load_state_dict(state)
    with pytest.raises(WeightsError, match="not a distribution"):
        method.eval().encode(PHOTOGRAPH)


def test_a_file_of_compressai_that_holds_another_network_is_refused(tmp_path):
    """That it reads the right ones is tested beside CompressAI, in plugins/compressai."""
    path = tmp_path / "other.pth.tar"
    torch.save({"g_a.0.weight": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="no mean-scale hyperprior"):
        imgredux.get("jndlc", weights=path)


def altered(coded: bytes, content: bytes) -> bytes:
    return stream.pack(replace(stream.unpack(coded), payload={"tiles": content}))


def test_content_that_nobody_wrote_is_refused(codec):
    coded = codec.encode(PHOTOGRAPH)
    content = stream.unpack(coded).payload["tiles"]
    start, last = HEAD.size, HEAD.size + TILE.size
    zeros = struct.pack("<II", 0, 0)
    for bad in (
        b"",
        content[:7],
        content[:-4],
        content + b"\0\0\0\0",
        HEAD.pack(9 * 256, 16) + content[start:],
        HEAD.pack(0, 0) + content[start:],
        HEAD.pack(512, 1) + content[start:],
        HEAD.pack(300, 16) + content[start:],
        content[:start] + zeros,
        content[:start] + zeros + content[last:],
        content[:start] + struct.pack("<I", 2**32 - 1) + content[start + 4 :],
        content[:start] + struct.pack("<I", 5) + content[start + 4 :],
        content[:-4] + bytes(4),
    ):
        with pytest.raises(StreamError) as caught:
            codec.decode(altered(coded, bad))
        assert caught.value.reason == "corrupt"


def test_no_instruction_set_changes_a_bit(tmp_path):
    """Pixels too: all of a decoder's arithmetic is exact. The other process has neither AVX-512 nor AVX2."""
    codec = fresh()
    path = tmp_path / "own.safetensors"
    save_file(codec.state_dict(), path, {"imgredux.options": json.dumps(KINDS["separable"])})
    codec = imgredux.get("jndlc", weights=path)
    (tmp_path / "coded").write_bytes(codec.encode(PHOTOGRAPH))
    oldest = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}
    subprocess.run([sys.executable, "-c", ELSEWHERE, path, tmp_path], env=os.environ | oldest, check=True)
    here = codec.decompress(stream.unpack((tmp_path / "coded").read_bytes()).payload, (3, 256, 320))
    assert np.array_equal(np.load(tmp_path / "there.npy"), here.numpy())


def test_gray_and_alpha_and_sizes(codec):
    for pixels in (sample_image(1, 1, 3), sample_image(70, 65, 1), sample_image(3, 500, 3)):
        decoded = np.asarray(codec.decode(codec.encode(pixels)))
        assert decoded.shape == pixels.shape
    rgba = np.dstack([PHOTOGRAPH, PHOTOGRAPH[..., 0]])
    decoded = np.asarray(codec.decode(codec.encode(Image.fromarray(rgba))))
    assert np.array_equal(decoded[..., 3], rgba[..., 3])


def test_without_the_entropy_coder_all_but_streams_works(monkeypatch):
    """As on Linux with an arm processor, where it has no wheel."""
    streamed = fresh().encode(PHOTOGRAPH[:64, :64])
    monkeypatch.setitem(sys.modules, "constriction", None)
    method = fresh()
    coded = method(to_tensor(PHOTOGRAPH[:64, :64]))
    assert coded.image.shape == (1, 3, 64, 64)
    for asked in (lambda: method.encode(PHOTOGRAPH[:64, :64]), lambda: method.decode(streamed)):
        with pytest.raises(PluginError, match="pip install constriction"):
            asked()
