"""jndlc's own modules against CompressAI's, of which they have the names: files go both ways."""

import numpy as np
import pytest
import torch
from compressai.models import MeanScaleHyperprior
from compressai.models.base import get_scale_table
from imgredux_jndlc.hyperprior import for_compressai, from_compressai, hyperprior
from imgredux_jndlc.tables import SCALES
from skimage import data

import imgredux
from imgredux.io.images import to_tensor

PHOTOGRAPH = np.ascontiguousarray(data.astronaut()[:200, 40:360])


def padded() -> torch.Tensor:
    return torch.nn.functional.pad(to_tensor(PHOTOGRAPH), (0, 0, 0, 56), mode="replicate")


@torch.no_grad()
def test_their_weights_give_the_same_here(network):
    theirs, ours = network("mbt2018-mean"), hyperprior(8, 12)
    ours.load_state_dict(from_compressai(theirs.state_dict()))
    x = padded()
    y = theirs.g_a(x)
    torch.testing.assert_close(ours.g_a(x), y, atol=1e-5, rtol=1e-5)
    z = theirs.h_a(y)
    torch.testing.assert_close(ours.h_a(y), z, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.h_s(z), theirs.h_s(z), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours.g_s(y), theirs.g_s(y), atol=1e-5, rtol=1e-5)
    medians = theirs.entropy_bottleneck.quantiles[:, :, 1:2]
    z_hat = (z - medians).round() + medians
    expected = theirs.entropy_bottleneck(z_hat, training=False)[1]
    torch.testing.assert_close(ours.entropy_bottleneck.likelihood(z_hat), expected, atol=1e-6, rtol=1e-4)


@torch.no_grad()
def test_our_weights_are_theirs():
    torch.manual_seed(3)
    ours = hyperprior(8, 12)
    theirs = MeanScaleHyperprior.from_state_dict(for_compressai(ours)).eval()
    theirs.update(force=True)
    x = padded()
    torch.testing.assert_close(theirs.g_a(x), ours.g_a(x), atol=1e-5, rtol=1e-5)
    coded = theirs.compress(x)
    assert theirs.decompress(coded["strings"], coded["shape"])["x_hat"].shape == x.shape


def test_quantiles_are_where_they_find_them(network):
    theirs, ours = network("mbt2018-mean"), hyperprior(8, 12)
    ours.load_state_dict(from_compressai(theirs.state_dict()))
    theirs.entropy_bottleneck._update_quantiles()
    ours.entropy_bottleneck.find_quantiles()
    found, expected = ours.entropy_bottleneck.quantiles, theirs.entropy_bottleneck.quantiles
    torch.testing.assert_close(found, expected, atol=0.02, rtol=1e-3)


def test_scales_are_theirs():
    np.testing.assert_allclose(SCALES, get_scale_table().numpy(), atol=2**-12)


def test_their_files_are_read(network, tmp_path):
    theirs = network("mbt2018-mean")
    path = tmp_path / "mbt2018-mean-1-00000000.pth.tar"
    torch.save(theirs.state_dict(), path)
    method = imgredux.get("jndlc", weights=path)
    with torch.no_grad():
        expected, found = theirs(padded()), method(to_tensor(PHOTOGRAPH))
    bits = -sum(likely.log2().sum() for likely in expected["likelihoods"].values())
    assert abs(found.image - expected["x_hat"][..., :200, :].clamp(0, 1)).mean() < 1e-3
    assert found.bits.item() == pytest.approx(bits.item(), rel=0.02, abs=400)
    strings = theirs.compress(padded())["strings"]
    theirs_bytes = sum(len(string) for group in strings for string in group)
    assert len(method.encode(PHOTOGRAPH)) == pytest.approx(theirs_bytes, rel=0.03, abs=120)
