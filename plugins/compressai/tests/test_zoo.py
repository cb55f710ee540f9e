"""Every architecture of the zoo: read from a file, coded and decoded, damaged, decoded elsewhere."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from imgredux_compressai.zoo import ARCHITECTURES
from skimage import data

import imgredux
from imgredux.errors import StreamError, WeightsError
from imgredux.io.images import to_tensor
from imgredux.methods import stream
from imgredux.testing import CodecConformance

PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:100, 40:170])
ELSEWHERE = """
import sys, numpy, torch, imgredux
torch.set_num_threads(3)
codec = imgredux.get("compressai", weights=sys.argv[1])
numpy.save(sys.argv[3], numpy.asarray(codec.decode(open(sys.argv[2], "rb").read())))
"""


class TestDeclaration(CodecConformance):
    name = "compressai"
    golden = None  # no weights ship


@pytest.fixture(params=ARCHITECTURES)
def file(request, network, tmp_path) -> Path:
    path = tmp_path / f"{request.param}.pth.tar"
    torch.save(network(request.param).state_dict(), path)
    return path


def test_a_file_is_recognized_coded_and_decoded(file, tmp_path):
    codec = imgredux.get("compressai", weights=file)
    assert codec.architecture == file.name.removesuffix(".pth.tar")
    coded = codec.encode(PHOTOGRAPH)
    decoded = np.asarray(codec.decode(coded))
    simulated = codec(to_tensor(PHOTOGRAPH))
    assert abs(decoded - 255 * simulated.image[0].permute(1, 2, 0).numpy()).max() <= 0.51
    (part,) = stream.unpack(coded).payload.values()
    assert simulated.bits == 8 * len(part)
    assert len(part) > 100
    (tmp_path / "coded").write_bytes(coded)
    command = [sys.executable, "-W", "ignore", "-c", ELSEWHERE, file, tmp_path / "coded", tmp_path / "there.npy"]
    subprocess.run(command, check=True)
    assert np.array_equal(np.load(tmp_path / "there.npy"), decoded)


def test_what_is_simulated_is_what_the_network_itself_gives(file, network):
    """But for the context of the joint networks, which CompressAI's own `forward` takes from other latents."""
    codec = imgredux.get("compressai", weights=file)
    theirs = network(codec.architecture)
    if hasattr(theirs, "context_prediction"):
        pytest.skip("CompressAI's forward and compress differ here")
    x = torch.nn.functional.pad(to_tensor(PHOTOGRAPH), (0, 62, 0, 28), mode="replicate")
    with torch.no_grad():
        expected, found = theirs(x), codec(x)
    bits = -sum(likely.log2().sum() for likely in expected["likelihoods"].values())
    assert (found.image - expected["x_hat"].clamp(0, 1)).abs().mean() < 1e-3
    assert found.bits.item() == pytest.approx(bits.item(), rel=0.02, abs=400)


def test_gradients_reach_the_image(file):
    codec = imgredux.get("compressai", weights=file)
    x = to_tensor(PHOTOGRAPH[:64, :64]).clone().requires_grad_()
    found = codec(x)
    (found.image.square().mean() + found.bits.mean() / x.numel()).backward()
    assert x.grad.isfinite().all()
    assert x.grad.abs().max() > 0


def test_damage_is_refused(file):
    codec = imgredux.get("compressai", weights=file)
    coded = codec.encode(PHOTOGRAPH[:64, :64])
    whole = stream.unpack(coded)
    content = whole.payload["latents"]
    generator = np.random.default_rng(0)
    for _ in range(20):
        at, bit = int(generator.integers(len(content))), int(generator.integers(8))
        bad = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
        with pytest.raises(StreamError):
            codec.decode(stream.pack(replace(whole, payload={"latents": bad})))
    for bad in (b"", content[:3], content[:5], content[:4], bytes(len(content))):
        with pytest.raises(StreamError):
            codec.decode(stream.pack(replace(whole, payload={"latents": bad})))


def test_what_is_no_network_of_the_zoo_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    for state in (
        {"conv.weight": torch.ones(3)},
        {"g_a.0.weight": torch.ones(8, 3, 5, 5), "g_a.1.beta": torch.ones(8)},
    ):
        torch.save(state, path)
        with pytest.raises(WeightsError, match=r"other\.pth"):
            imgredux.get("compressai", weights=path)
    with pytest.raises(WeightsError, match="weights=FILE"):
        imgredux.get("compressai")
