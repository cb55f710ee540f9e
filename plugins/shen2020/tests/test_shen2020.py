import copy
import pickle

import numpy as np
import pytest
import torch
from imgredux_shen2020.method import SHRINK, decomposed, patches
from skimage import data

import imgredux
from imgredux import ops
from imgredux.testing.inputs import photos
from imgredux.training import Images, loop


def gray(height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(data.camera()[100 : 100 + height, 150 : 150 + width].copy())[None, None] / 255


def fresh(**options) -> imgredux.Estimator:
    torch.manual_seed(0)
    return imgredux.create("shen2020", width=4, **options).eval().requires_grad_(False)


def test_the_network_has_the_parameters_of_the_authors():
    assert sum(p.numel() for p in imgredux.create("shen2020").parameters()) == pytest.approx(5.78e6, abs=1e4)


def test_a_patch_is_its_mean_its_contrast_and_its_structure():
    x = patches(gray(100, 130)) * 255
    assert len(x) == 2 * 3
    mu, c, s = decomposed(x)
    torch.testing.assert_close(mu + c * s, x)
    assert s.square().sum((-2, -1)).flatten().tolist() == pytest.approx([1] * 6, abs=1e-5)
    flat = decomposed(torch.full((1, 1, 64, 64), 63.75))
    assert [value.abs().max().item() for value in flat] == [63.75, 0, 0]


def test_patches_cover_the_image_and_the_last_lie_at_its_border():
    y, x = torch.meshgrid(torch.arange(165.0), torch.arange(64.0), indexing="ij")
    found = patches(torch.stack([y, x])[None])
    assert [patch[0, 0, 0].item() for patch in found] == [0, 50, 100, 101]
    assert found[-1, 0, -1, 0] == 164
    full_hd = torch.empty(1, 1, 1080, 1920).expand(1, 1, 1080, 1920)
    assert len(patches(full_hd)) == (21 + 1) * (38 + 1)  # 21 x 38 patches and the rest at the border


@pytest.mark.parametrize("sign", [1, -1])
def test_one_patch_is_assembled_as_the_paper_says(sign):
    method, x = fresh(sign=sign), gray(64, 64)
    I_J = method.critical(x)
    patch, y = (255 * a[0, 0].double().numpy() for a in (x, method.network(x)))
    mean = patch.mean()
    adapted = 17 * (1 - np.sqrt(mean / 127)) + 3 if mean < 127 else 3 / 128 * (mean - 127) + 3
    s_hat = (y - y.mean()) / np.linalg.norm(y - y.mean())
    expected = np.clip(mean + sign * adapted, 0, 255) + 0.9474 * np.linalg.norm(patch - mean) * s_hat
    np.testing.assert_allclose(255 * I_J[0, 0].numpy(), expected, atol=1e-3)
    torch.testing.assert_close(method(x), (x - I_J).abs())


def test_the_luminance_of_a_flat_image_moves_by_its_adaptation():
    method = fresh()
    for level in (40, 200):
        jnd = 255 * method(torch.full((1, 1, 80, 120), level / 255))
        expected = ops.luminance_adaptation(torch.tensor(float(level))).item()
        assert jnd.mean().item() == pytest.approx(expected, abs=1e-3)


def test_a_network_that_changes_nothing_shrinks_the_contrast():
    method, x = fresh(), gray(64, 64)
    method.network.last.weight.zero_()
    assert torch.equal(method.network(x), x) or (method.network(x) - x).abs().max() < 1e-6
    mu, c, _ = decomposed(255 * method.critical(x))
    torch.testing.assert_close(c, SHRINK * decomposed(255 * x)[1])
    assert (mu - decomposed(255 * x)[0]).item() == pytest.approx(
        ops.luminance_adaptation(decomposed(255 * x)[0]).item(), abs=1e-3
    )


def test_the_recipe_keeps_luminance_and_contrast_and_reaches_every_parameter():
    recipe = loop.recipes("shen2020")["pairs"]
    torch.manual_seed(0)
    method = imgredux.create("shen2020", width=4)
    with torch.no_grad():  # fresh, self-attention counts for nothing, and one feature alone may be dead
        method.network.attention.gamma.fill_(0.1)
        for skip in method.network.skips:
            skip.squeeze.bias.fill_(1)
    reference = photos(side=100)["coffee"].transpose(2, 0, 1)
    planes = np.concatenate([reference, reference // 12 * 12 + 3])
    images = Images([planes])
    crops = images.crops(3, 64, torch.Generator().manual_seed(0))
    x, target = recipe.sample(crops, torch.Generator())
    assert x.shape == target.shape == (3, 1, 64, 64)
    for given, kept in zip(decomposed(target)[:2], decomposed(x)[:2], strict=True):
        torch.testing.assert_close(given, kept, rtol=1e-4, atol=1e-5)
    assert 0.1 < (target - x).abs().max() * 255 < 20
    loss, _ = recipe.loss(method, (x, target))
    loss.backward()
    unreached = {name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()}
    # Biases before a normalisation or a softmax have no effect.
    assert all(name.endswith(".bias") for name in unreached)
    with torch.no_grad():
        figures = recipe.validate(method.eval(), images)
    assert 0 < figures["mse_identity"] < 100
    assert figures["mse"] > 0


@pytest.mark.parametrize(("name", "value"), [("width", 0), ("sign", 0)])
def test_other_keywords_are_refused(name, value):
    with pytest.raises(ValueError, match="a sign of 1 or -1"):
        imgredux.create("shen2020", **{name: value})


def test_it_is_copied_and_sent_to_other_processes():
    method = imgredux.create("shen2020", width=4, sign=-1).eval()
    x = gray(80, 80)
    for again in (pickle.loads(pickle.dumps(method)), copy.deepcopy(method)):
        assert again.spec == method.spec
        assert not again.training
        assert torch.equal(again(x), method(x))
