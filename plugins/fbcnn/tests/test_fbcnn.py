from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

import imgredux
from imgredux import ops
from imgredux.cli import app
from imgredux.errors import ImageError, WeightsError
from imgredux.testing.seeded import seeded

AUTHORS = Path(__file__).parent / "authors.safetensors"  # written by tests.campaigns.authors


def close(given: torch.Tensor, expected: torch.Tensor) -> None:
    assert (given - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_network_is_the_authors_with_the_quality_predicted_and_given():
    held, method = load_file(AUTHORS), imgredux.create("fbcnn").eval()
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.7))
    with torch.no_grad():
        y, p = method.network(held["input"])
        dialed, _ = method.network(held["input"], held["p"])
    close(y, held["output"])
    close(p, held["predicted"])
    close(dialed, held["dialed"])


@pytest.mark.parametrize(("channels", "parameters"), [(3, 71_921_796), (1, 71_919_490)])
def test_the_network_has_the_parameters_of_the_published_one(channels, parameters):
    with torch.device("meta"):
        method = imgredux.create("fbcnn", channels=channels)
    assert sum(p.numel() for p in method.parameters()) == parameters


def narrow(channels: int = 3) -> imgredux.Restorer:
    torch.manual_seed(0)
    method = imgredux.create("fbcnn", channels=channels, widths=(8, 8, 12, 16), blocks=2, project=False)
    method.network.load_state_dict(seeded(method.network.state_dict(), 0.5))
    return method.eval().requires_grad_(False)


def image(channels: int = 3, side: int = 64, count: int = 1) -> torch.Tensor:
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("wrapped", [None, "params", "module"])
def test_a_checkpoint_in_the_authors_names_is_read(channels, wrapped, tmp_path):
    method, x = narrow(channels), image()
    state = method.network.state_dict()
    state = {f"module.{k}": v for k, v in state.items()} if wrapped == "module" else state
    torch.save({"params": state, "epoch": 3} if wrapped == "params" else state, tmp_path / "fbcnn.pth")
    read = imgredux.get("fbcnn", weights=tmp_path / "fbcnn.pth")
    assert torch.equal(read(x), method(x))
    assert not read.projects


def test_files_of_other_networks_are_refused_in_few_words(tmp_path):
    state = narrow().network.state_dict()
    del state["m_body_decoder.0.res.0.weight"], state["m_tail.bias"]
    torch.save({**state, "extra": torch.zeros(3)}, tmp_path / "part.pth")
    with pytest.raises(
        WeightsError, match=r"lacks 'network.m_body_decoder.0.res.0.weight' and 1 more; .*extra"
    ) as found:
        imgredux.get("fbcnn", weights=tmp_path / "part.pth")
    assert len(str(found.value)) < 400
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"'fbcnn': it has no 'm_head.weight'"):
        imgredux.get("fbcnn", weights=tmp_path / "other.pth")


def test_the_quality_is_a_dial_of_every_call(tmp_path):
    method, x = narrow(), image(count=2)
    assert not torch.allclose(method(x, quality=10), method(x, quality=90))
    told = method.predicted_quality(x)
    assert told.shape == (2,)
    torch.testing.assert_close(method(x, quality=told), method(x))
    each = torch.tensor([10, 90])
    assert torch.equal(method(x, quality=each)[1:], method(x[1:], quality=90))
    Image.fromarray((255 * x[0].permute(1, 2, 0)).byte().numpy()).save(tmp_path / "a.jpg", quality=50)
    with Image.open(tmp_path / "a.jpg") as file:
        plain, dialed = method(file), method(file, quality=10)
    assert plain.tobytes() != dialed.tobytes()
    for wrong in (0, 101, torch.tensor([1.0, 2.0, 3.0])):
        with pytest.raises(ImageError, match="give one from 1 to 100"):
            method(x, quality=wrong)


def test_a_folder_job_takes_the_file_and_the_dial(tmp_path):
    method, folder = narrow(), tmp_path / "old"
    folder.mkdir()
    torch.save(method.network.state_dict(), tmp_path / "fbcnn.pth")
    pixels = (255 * image()[0].permute(1, 2, 0)).byte().numpy()
    for name in ("a", "b"):
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=30)
    command = ["run", "fbcnn", str(folder), "-o", str(tmp_path / "new"), "--weights", str(tmp_path / "fbcnn.pth")]
    assert CliRunner().invoke(app, command).exit_code == 0
    with Image.open(tmp_path / "new" / "a.fbcnn.png") as given, Image.open(folder / "a.jpg") as file:
        assert given.tobytes() == method(file).tobytes()
    assert CliRunner().invoke(app, [*command, "--quality", "5"]).exit_code == 0
    with Image.open(tmp_path / "new" / "a.fbcnn.png") as given, Image.open(folder / "a.jpg") as file:
        assert given.tobytes() == method(file, quality=5).tobytes()
    (tmp_path / "text.pth").write_text("nothing of the kind")
    wrong = CliRunner().invoke(app, [*command[:-1], str(tmp_path / "text.pth")])
    assert wrong.exit_code == 2
    assert "is no checkpoint" in wrong.output


@pytest.mark.parametrize("channels", [1, 3])
def test_large_images_are_computed_in_tiles_that_see_all_they_need(channels, monkeypatch):
    method, x = narrow(channels), image(side=200)
    whole, quality = method(x), method.predicted_quality(x)
    monkeypatch.setattr("imgredux_fbcnn.method.TILE", 64)
    torch.testing.assert_close(method.predicted_quality(x), quality, rtol=1e-5, atol=0)
    torch.testing.assert_close(method(x), whole, rtol=0, atol=1e-5)


def test_with_steps_the_result_could_have_become_the_file():
    decoded, steps = ops.jpeg(image(side=48), 20), ops.ijg_tables(20)[None]
    method = narrow()
    off = []
    for project in (False, True):
        method.projects = project
        y = ops.luma(method(decoded, qtable=steps)) - ops.luma(decoded)
        off.append((ops.blocks(ops.dct(255 * y)) / steps[:, :1]).abs().max())
    assert off[0] > 0.6
    assert off[1] < off[0]


def test_every_parameter_learns():
    torch.manual_seed(0)
    method, x = imgredux.create("fbcnn", widths=(8, 8, 12, 16), blocks=1), image()
    y, p = method.network(x)
    ((y - x.flip(-1)).abs().mean() + (p - 0.3).abs().mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
