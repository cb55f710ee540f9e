from pathlib import Path

import pytest
import torch
from imgredux_rnan.network import NonLocal
from safetensors.torch import load_file

import imgredux
from imgredux.errors import WeightsError
from imgredux.testing.seeded import seeded

AUTHORS = Path(__file__).parent / "authors.safetensors"  # written by tests.campaigns.authors


def close(given: torch.Tensor, expected: torch.Tensor) -> None:
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_network_is_the_authors():
    held, method = load_file(AUTHORS), imgredux.create("rnan").eval().double()
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.3))
    with torch.no_grad():
        close(method.network(held["input"]) - held["input"], held["output"] - held["input"])


def test_the_network_has_the_parameters_of_the_published_one():
    with torch.device("meta"):
        method = imgredux.create("rnan")
    assert sum(p.numel() for p in method.parameters()) == 8_957_249


def test_attention_in_portions_is_attention_at_once(monkeypatch):
    block, x = NonLocal(8), torch.rand(2, 8, 12, 10)
    block.load_state_dict(seeded(block.state_dict()))
    theta, phi, g = (layer(x).flatten(2) for layer in (block.theta, block.phi, block.g))
    weights = torch.einsum("bci,bcj->bij", theta, phi).softmax(1)
    gathered = torch.einsum("bij,bcj->bci", weights, g).unflatten(2, (12, 10))
    expected = x + block.W(gathered)
    for portion in (512, 7):
        monkeypatch.setattr("imgredux_rnan.network.AT_ONCE", portion)
        torch.testing.assert_close(block(x), expected, rtol=0, atol=1e-5)


def test_checkpoints_in_the_authors_names_are_read(tmp_path):
    torch.manual_seed(0)
    method = imgredux.create("rnan", groups=4, width=8, project=False).eval()
    torch.save(method.network.state_dict(), tmp_path / "q10.pt")
    x = torch.rand(1, 1, 24, 32)
    assert torch.equal(imgredux.get("rnan", weights=tmp_path / "q10.pt")(x), method(x))
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"it has no 'head.0.weight'"):
        imgredux.get("rnan", weights=tmp_path / "other.pt")


def test_every_parameter_learns():
    method, x = imgredux.create("rnan", groups=3, width=4), torch.rand(2, 1, 24, 24)
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.3))  # its attention begins at 0
    (method(x) - x.flip(-1)).square().sum().backward()
    dead = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().max() > 1e-6]
    # What is added to theta at all pixels alike, the normalization over them takes away again.
    assert {name.split(".")[-2:] == ["theta", "bias"] for name in dead} <= {True}


@pytest.mark.parametrize("options", [{"groups": 1}, {"width": 3}, {"tile": 20}, {"tile": 16, "overlap": 16}])
def test_other_keywords_are_refused(options):
    with pytest.raises(ValueError, match="give"):
        imgredux.create("rnan", **options)
