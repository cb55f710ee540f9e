from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import imgredux
from imgredux import ops
from imgredux.errors import WeightsError
from imgredux.testing.seeded import seeded

AUTHORS = Path(__file__).parent / "authors.safetensors"  # written by tests.campaigns.authors


def close(given: torch.Tensor, expected: torch.Tensor) -> None:
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("variant", ["crab", "2020"])
def test_the_network_is_the_authors(variant):
    held, method = load_file(AUTHORS), imgredux.create("qgac", variant=variant).eval()
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.5))
    q, q_chroma, y, chroma = (held[name] for name in ("q", "q_chroma", "y", "chroma"))
    with torch.no_grad():
        luma = method.network.luma(q, y)
        given = torch.cat([luma, method.network.chroma(q, luma, q_chroma, chroma)], 1)
    expected = held[f"output_{variant}"]
    close(given[:, :1] - y, expected[:, :1] - y)
    close(given[:, 1:], expected[:, 1:])
    assert (expected[:, :1] - y).std() > 1e-3  # the network adds something


@pytest.mark.parametrize(("variant", "parameters"), [("crab", 82_602_604), ("2020", 259_408_742)])
def test_the_networks_have_the_parameters_of_the_published_ones(variant, parameters):
    with torch.device("meta"):
        method = imgredux.create("qgac", variant=variant)
    assert sum(p.numel() for p in method.parameters()) == parameters


def narrow(variant: str = "crab") -> imgredux.Restorer:
    torch.manual_seed(0)
    method = imgredux.create("qgac", variant=variant, width=8, chroma_width=8, project=False)
    method.network.load_state_dict(seeded(method.network.state_dict()))
    return method.eval().requires_grad_(False)


def image(channels: int = 3, side: int = 64) -> torch.Tensor:
    return torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("variant", ["crab", "2020"])
def test_checkpoints_are_read(variant, tmp_path):
    method, x, steps = narrow(variant), image(), ops.ijg_tables(20)[None]
    torch.save({"state_dict": method.network.state_dict()}, tmp_path / "qgac.pth")
    read = imgredux.get("qgac", weights=tmp_path / "qgac.pth")
    assert torch.equal(read(x, qtable=steps), method(x, qtable=steps))
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"it has no 'blocks_encode.block.bias_transfrom.weight'"):
        imgredux.get("qgac", weights=tmp_path / "other.pth")


def test_the_filters_follow_the_table():
    method, x = narrow(), image(1)
    coarse, fine = (method(x, qtable=ops.ijg_tables(quality)[None]) for quality in (10, 90))
    assert not torch.allclose(coarse, fine)
    assert torch.equal(method(x), x)  # without steps


def test_a_network_that_adds_nothing_gives_luma_back_and_even_chroma():
    method = narrow()
    x = ops.ycbcr_to_rgb(torch.cat([image(1), torch.tensor([0.4, 0.7])[:, None, None].expand(1, 2, 64, 64)], 1))
    method.network.load_state_dict({k: torch.zeros_like(v) for k, v in method.network.state_dict().items()})
    y = ops.rgb_to_ycbcr(method.train()(x, qtable=ops.ijg_tables(20)[None]))
    planes = ops.rgb_to_ycbcr(x)
    torch.testing.assert_close(y[:, :1], planes[:, :1], rtol=0, atol=1e-5)
    torch.testing.assert_close(y[:, 1:], planes[:, 1:], rtol=0, atol=1e-5)


def test_chroma_of_other_sizes_is_restored_without_the_network():
    method, x, steps = narrow(), image(), ops.ijg_tables(20)[None]
    y = ops.rgb_to_ycbcr(method.train()(x, qtable=steps, subsampling="4:4:4"))
    expected = ops.restored_chroma(ops.rgb_to_ycbcr(x)[:, 1:], steps[:, 1], "4:4:4")
    torch.testing.assert_close(y[:, 1:], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", ["crab", "2020"])
def test_large_images_are_computed_in_tiles_that_see_all_they_need(variant, monkeypatch):
    method, steps = narrow(variant), ops.ijg_tables(20)[None]
    x, other = (image(side=1280)[..., :64, :] if seed else image(side=1280)[..., 64:128, :] for seed in (0, 1))
    whole = method(x, qtable=steps)
    monkeypatch.setattr("imgredux_qgac.method.TILE", 320)
    torch.testing.assert_close(method(x, qtable=steps), whole, rtol=0, atol=1e-5)
    # What lies 560 pixels away changes nothing.
    monkeypatch.setattr("imgredux_qgac.method.TILE", 2048)
    changed = method(torch.cat([x[..., :624], other[..., 624:]], -1), qtable=steps)
    torch.testing.assert_close(changed[..., :64], whole[..., :64], rtol=0, atol=1e-6)
    assert not torch.allclose(changed[..., 500:624], whole[..., 500:624])


@pytest.mark.parametrize("variant", ["crab", "2020"])
def test_every_parameter_learns(variant):
    method, x = narrow(variant).train().requires_grad_(), image()
    (method(x, qtable=ops.ijg_tables(20)[None]) - x.flip(-1)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
