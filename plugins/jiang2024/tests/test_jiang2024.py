from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

import imgredux
from imgredux.errors import WeightsError
from imgredux.testing.inputs import as_tensor, photos
from imgredux.testing.shared import shared
from imgredux.training import Images, loop

CHECKPOINT = "weights/resjnd/checkpoint/model_epoch_250_44.9119873046875.pth"
NAMES = ("input", "conv1", "conv2", "output")


def published(name: str) -> tuple[np.ndarray, np.ndarray]:
    """An example image and the authors' map of it, divided by its maximum: uint8."""
    folder = shared("weights/resjnd")
    with Image.open(folder / "example" / name) as image, Image.open(folder / "result" / name) as result:
        return np.asarray(image), np.asarray(result)


@pytest.mark.parametrize("name", ["230.png", "808.png"])
def test_the_authors_checkpoint_gives_their_maps(name):
    method = imgredux.get("jiang2024", weights=shared(CHECKPOINT))
    image, expected = published(name)
    row, column = np.unravel_index(expected.argmax(), expected.shape)  # their maximum, by which they divide
    reach, context = 24, method.spec.context
    top, left = max(row - reach - context, 0), max(column - reach - context, 0)
    jnd = method(np.ascontiguousarray(image[top : row + reach + context, left : column + reach + context]))
    seen = np.s_[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    ours = jnd[max(row - reach, 0) - top :, max(column - reach, 0) - left :]
    ours = ours[: expected[seen].shape[0], : expected[seen].shape[1]]
    assert np.abs(ours / ours.max() * 255 - expected[seen]).max() <= 1
    assert 1 < ours.mean() < 60


def test_the_formulas_as_scipy_correlates():
    torch.manual_seed(0)
    method = imgredux.create("jiang2024", width=4, recursions=3).eval()
    w = {name: getattr(method.network, name).weight.detach().double().numpy() for name in NAMES}

    def conv(planes, weight):
        pairs = [zip(planes, kernels, strict=True) for kernels in weight]
        return np.array([sum(ndimage.correlate(p, k, mode="constant") for p, k in each) for each in pairs])

    x = as_tensor(photos(side=24)["coffee"])
    F0 = conv(x[0].double().numpy(), w["input"]).clip(0)
    h = F0
    for _ in range(3):
        h = conv(conv(h.clip(0), w["conv1"]).clip(0), w["conv2"]) + F0
    residual = conv(h.clip(0), w["output"])
    assert np.abs(residual).max() > 1e-3
    np.testing.assert_allclose(method.critical(x)[0].detach().numpy(), x[0].numpy() + residual, atol=1e-6)
    np.testing.assert_allclose(method(x)[0, 0].detach().numpy(), np.sqrt((residual**2).mean(0)), atol=1e-6)


def test_the_network_has_the_parameters_of_the_paper():
    assert sum(p.numel() for p in imgredux.create("jiang2024").parameters()) == 301_824


def test_files_of_other_networks_are_refused(tmp_path: Path):
    state = {f"{name}.weight": torch.zeros(4, 4, 3, 3) for name in NAMES}
    torch.save(state, tmp_path / "narrow.pth")
    with pytest.raises(WeightsError, match="holds 4 tensors"):
        imgredux.get("jiang2024", weights=tmp_path / "narrow.pth")
    torch.save({"w": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("nothing of the kind")
    for name in ("other.pth", "text.pth"):
        with pytest.raises(WeightsError, match="no checkpoint of ResJND"):
            imgredux.get("jiang2024", weights=tmp_path / name)


def test_own_weights_are_read_back(tmp_path: Path):
    from safetensors.torch import save_file

    method = imgredux.create("jiang2024", width=4, recursions=2)
    options = {"imgredux.options": '{"width": 4, "recursions": 2}'}
    save_file(
        {key: value.contiguous() for key, value in method.state_dict().items()}, tmp_path / "w.safetensors", options
    )
    x = as_tensor(photos(side=24)["coffee"])
    read = imgredux.get("jiang2024", weights=tmp_path / "w.safetensors")
    assert torch.equal(read(x), method(x).detach())


def test_the_recipe_reaches_every_parameter_and_judges_from_no_change():
    recipe = loop.recipes("jiang2024")["pairs"]
    torch.manual_seed(0)
    method = imgredux.create("jiang2024", width=4, recursions=2)
    reference = photos(side=64)["coffee"].transpose(2, 0, 1)
    planes = np.concatenate([reference, np.clip(reference.astype(int) - 6, 0, 255).astype(np.uint8)])
    images = Images([planes])
    crops = images.crops(2, 32, torch.Generator().manual_seed(0))
    loss, _ = recipe.loss(method, recipe.sample(crops, torch.Generator()))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in method.parameters())
    with torch.no_grad():
        assert abs(recipe.validate(method.eval(), images)["gain"]) < 1


@pytest.mark.parametrize(("name", "value"), [("width", 0), ("recursions", 0), ("recursions", 26)])
def test_other_sizes_are_refused(name, value):
    with pytest.raises(ValueError, match="recursions"):
        imgredux.create("jiang2024", **{name: value})
