from pathlib import Path

import pytest
import torch
from imgredux_mwcnn.network import doubled, halved
from safetensors.torch import load_file

import imgredux
from imgredux.errors import WeightsError
from imgredux.testing.seeded import seeded

AUTHORS = Path(__file__).parent / "authors.safetensors"  # written by tests.campaigns.authors


def close(given: torch.Tensor, expected: torch.Tensor) -> None:
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_second_network_is_the_authors():
    held, method = load_file(AUTHORS), imgredux.create("mwcnn", variant="v2").eval()
    method.network.load_state_dict(seeded(method.network.state_dict()))
    with torch.no_grad():
        close(method.network(held["input"]), held["output"])


@pytest.mark.parametrize(("variant", "parameters"), [("v1", 16_145_892), ("v2", 24_927_809)])
def test_the_networks_have_the_parameters_of_the_published_ones(variant, parameters):
    with torch.device("meta"):
        method = imgredux.create("mwcnn", variant=variant)
    assert sum(p.numel() for p in method.parameters()) == parameters


def test_the_wavelet_is_orthonormal_and_has_an_inverse():
    x = torch.rand(2, 3, 8, 12, dtype=torch.float64)
    y = halved(x)
    assert y.shape == (2, 12, 4, 6)
    torch.testing.assert_close(doubled(y), x)
    torch.testing.assert_close(y.square().sum(), x.square().sum())
    torch.testing.assert_close(y[:, :3], 2 * torch.nn.functional.avg_pool2d(x, 2))
    across = torch.arange(12.0).expand(1, 1, 8, 12)
    _, hl, lh, hh = halved(across).chunk(4, 1)
    assert hl.unique().tolist() == [1]
    assert not lh.any()
    assert not hh.any()


def test_checkpoints_in_the_authors_names_are_read(tmp_path):
    torch.manual_seed(0)
    method, x = imgredux.create("mwcnn", variant="v2", width=8, project=False).eval(), torch.rand(1, 1, 24, 32)
    torch.save(method.network.state_dict(), tmp_path / "q10.pt")
    assert torch.equal(imgredux.get("mwcnn", weights=tmp_path / "q10.pt")(x), method(x))
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"it has no 'head.0.body.0.weight'"):
        imgredux.get("mwcnn", weights=tmp_path / "other.pt")


@pytest.mark.parametrize("options", [{"width": 8}, {"width": 8, "batch_norm": True}, {"variant": "v2", "width": 8}])
def test_every_parameter_learns(options):
    torch.manual_seed(0)
    method, x = imgredux.create("mwcnn", **options), torch.rand(2, 1, 32, 32)
    (method(x) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())


@pytest.mark.parametrize("options", [{"variant": "v3"}, {"variant": "v2", "batch_norm": True}, {"width": 6}])
def test_other_keywords_are_refused(options):
    with pytest.raises(ValueError, match=r"choose|give a multiple"):
        imgredux.create("mwcnn", **options)
