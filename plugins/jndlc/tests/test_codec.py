"""Streams of JND-LC: tiles, threads, weights, CompressAI's own files, and content that nobody wrote."""

import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from imgredux_jndlc.method import HEAD, JndLc
from PIL import Image
from skimage import data

import imgredux
from imgredux.errors import ImageError, StreamError, WeightsError
from imgredux.io.images import to_tensor
from imgredux.methods import stream
from imgredux.testing.inputs import sample_image


def fresh(seed: int = 0, **options) -> JndLc:
    """A small codec with random weights, large enough for latents that are not all zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        method = imgredux.create("jndlc", **{"N": 8, "M": 12, **options})
    assert isinstance(method, JndLc)
    with torch.no_grad():
        method.network.core.g_a[-1].weight *= 12
        method.network.core.g_s[0].weight *= 4
    method.eval().freeze()
    return method


@pytest.fixture(scope="module")
def codec() -> JndLc:
    return fresh()


PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:200, 40:360])


def test_latents_of_tiles_are_those_of_the_whole(codec):
    x = torch.nn.functional.pad(to_tensor(PHOTOGRAPH), (0, 0, 0, 56), mode="replicate")
    small = fresh(tile=64)
    with torch.no_grad():
        whole = codec.network.core.g_a(x)
        torch.testing.assert_close(small._analyzed(x), whole, atol=1e-5 * whole.abs().max().item(), rtol=0)
        y_hat = whole.round()
        expected = codec.network.core.g_s(y_hat).clamp(0, 1)
        torch.testing.assert_close(small._synthesised(y_hat), expected, atol=1e-5, rtol=0)


def test_the_side_of_tiles_travels_in_the_stream(codec):
    coded = fresh(tile=128).encode(PHOTOGRAPH)
    simulated = fresh(tile=128)(to_tensor(PHOTOGRAPH)).image[0].mul(255).round().permute(1, 2, 0).detach().numpy()
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
    unready = imgredux.create("jndlc", N=8, M=12).eval()
    with pytest.raises(WeightsError, match="call freeze"):
        unready.encode(PHOTOGRAPH)
    again = fresh()
    again.train()
    assert again.eval().frozen() is None
    restored = imgredux.create("jndlc", N=8, M=12)
    restored.load_state_dict(codec.state_dict())
    assert restored.eval().encode(PHOTOGRAPH) == codec.encode(PHOTOGRAPH)


def test_tables_that_are_damaged_are_refused(codec):
    state = {key: value.clone() for key, value in codec.state_dict().items()}
    state["y_flat"][5] = 70000
    method = imgredux.create("jndlc", N=8, M=12)
    method.load_state_dict(state)
    with pytest.raises(WeightsError, match="not a distribution"):
        method.eval().encode(PHOTOGRAPH)


def test_the_weights_of_compressai_are_read(codec, tmp_path):
    network = codec.network.core
    network.update(force=True)
    path = tmp_path / "mbt2018-mean-1-00000000.pth.tar"
    torch.save(network.state_dict(), path)
    method = imgredux.get("jndlc", weights=path)
    with torch.no_grad():
        theirs = network(torch.nn.functional.pad(to_tensor(PHOTOGRAPH), (0, 0, 0, 56), mode="replicate"))
        ours = method(to_tensor(PHOTOGRAPH))
    bits = -sum(likely.log2().sum() for likely in theirs["likelihoods"].values())
    assert abs(ours.image - theirs["x_hat"][..., :200, :].clamp(0, 1)).mean() < 1e-3
    assert ours.bits.item() == pytest.approx(bits.item(), rel=0.02, abs=400)
    np.asarray(method.decode(method.encode(PHOTOGRAPH)))
    torch.save({"g_a.0.weight": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match="no mean-scale hyperprior"):
        imgredux.get("jndlc", weights=path)


def altered(coded: bytes, content: bytes) -> bytes:
    return stream.pack(replace(stream.unpack(coded), payload={"tiles": content}))


def test_content_that_nobody_wrote_is_refused(codec):
    coded = codec.encode(PHOTOGRAPH)
    content = stream.unpack(coded).payload["tiles"]
    start = HEAD.size
    zeros = struct.pack("<IIII", 0, 0, 0, 0)
    for bad in (
        b"",
        content[:7],
        content[:-4],
        content + b"\0\0\0\0",
        HEAD.pack(9.0, 16) + content[start:],
        HEAD.pack(float("nan"), 16) + content[start:],
        HEAD.pack(0.0, 0) + content[start:],
        HEAD.pack(2.0, 1) + content[start:],
        content[:start] + zeros,
        content[:start] + struct.pack("<II", 2**32 - 1, 2**32 - 1) + content[start + 8 :],
        content[:start] + struct.pack("<II", 3, 5) + content[start + 8 :],
    ):
        with pytest.raises(StreamError) as caught:
            codec.decode(altered(coded, bad))
        assert caught.value.reason == "corrupt"


def test_gray_and_alpha_and_sizes(codec):
    for pixels in (sample_image(1, 1, 3), sample_image(70, 65, 1), sample_image(3, 500, 3)):
        decoded = np.asarray(codec.decode(codec.encode(pixels)))
        assert decoded.shape == pixels.shape
    rgba = np.dstack([PHOTOGRAPH, PHOTOGRAPH[..., 0]])
    decoded = np.asarray(codec.decode(codec.encode(Image.fromarray(rgba))))
    assert np.array_equal(decoded[..., 3], rgba[..., 3])
