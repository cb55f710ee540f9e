from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import imgredux
from imgredux.errors import WeightsError
from imgredux.testing.seeded import seeded

AUTHORS = Path(__file__).parent / "authors.safetensors"  # written by tests.campaigns.authors


def close(given: torch.Tensor, expected: torch.Tensor) -> None:
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_network_is_that_of_edsr_pytorch():
    held, method = load_file(AUTHORS), imgredux.create("rdn").eval()
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.5))
    with torch.no_grad():
        close(method.network(held["input"]) - held["input"], held["output"] - held["input"])


def test_the_network_has_the_parameters_of_the_published_one():
    with torch.device("meta"):
        method = imgredux.create("rdn")
    assert sum(p.numel() for p in method.parameters()) == 21_973_377


def test_checkpoints_are_read(tmp_path):
    torch.manual_seed(0)
    method = imgredux.create("rdn", blocks=3, layers=2, growth=4, width=6, project=False).eval()
    torch.save({"state_dict": method.network.state_dict()}, tmp_path / "q10.pt")
    x = torch.rand(1, 1, 20, 30)
    assert torch.equal(imgredux.get("rdn", weights=tmp_path / "q10.pt")(x), method(x))
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"it has no 'RDBs.0.convs.0.conv.0.weight'"):
        imgredux.get("rdn", weights=tmp_path / "other.pt")


def test_every_parameter_learns():
    torch.manual_seed(0)
    method, x = imgredux.create("rdn", blocks=2, layers=2, growth=4, width=6), torch.rand(2, 1, 20, 20)
    (method(x) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
