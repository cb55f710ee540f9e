"""The paper's three losses as its authors' code has them, and as they are meant."""

import pytest
import torch
from imgredux_jndlc import losses
from scipy.fft import dctn

x, j, y = (torch.rand(3, 3, 32, 48, generator=torch.Generator().manual_seed(seed)) for seed in range(3))


def gradient(loss) -> torch.Tensor:
    image = y.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(image).sum(), image)
    return found


def test_the_image_wise_loss_as_coded_is_plain_rate_distortion():
    """D(j, x) does not depend on the network, so that it can teach the network nothing."""
    plain = gradient(lambda image: losses.distortion(image, x))
    assert torch.equal(gradient(lambda image: losses.iwl_as_coded(image, x, j)), plain)
    for other in (torch.zeros_like(j), x, 1 - x):
        assert torch.equal(gradient(lambda image, other=other: losses.iwl_as_coded(image, x, other)), plain)
    value = losses.iwl_as_coded(y, x, j)
    torch.testing.assert_close(value, losses.distortion(y, x) - losses.distortion(j, x))


def test_the_hinge_asks_for_nothing_below_the_images_own_jnd():
    near = x + 0.5 * (j - x)
    assert (losses.distortion(near, x) < losses.distortion(j, x)).all()
    torch.testing.assert_close(losses.iwl(near, x, j), losses.EPSILON * losses.distortion(near, x))
    far = x + 2 * (j - x)
    D = losses.distortion(far, x)
    torch.testing.assert_close(losses.iwl(far, x, j), D - losses.distortion(j, x) + losses.EPSILON * D)


def test_the_hinge_is_of_each_image_and_not_of_the_batch():
    images = torch.cat([x[:1], j[1:2] + (j[1:2] - x[1:2]), x[2:]])
    assert losses.iwl(images, x, j)[0] == 0
    assert losses.iwl(images, x, j)[1] > 0


def test_the_pixel_wise_loss_pulls_towards_the_critical_image():
    torch.testing.assert_close(losses.pwl(y, x, j, share=1), losses.distortion(y, j))
    step = -gradient(lambda image: losses.pwl(image, x, j, share=1))
    assert (step * (j - y)).sum() > 0
    torch.testing.assert_close(losses.pwl(y, x, j), (losses.distortion(y, x) + losses.distortion(y, j)) / 2)


def test_the_feature_wise_loss_as_coded():
    def features(image):
        return image.mean(1, keepdim=True)

    off = (features(y) - features(j)).square().mean((1, 2, 3))
    torch.testing.assert_close(losses.fwl(y, x, j, features), 0.9 * losses.distortion(y, x) + 0.1 * off)


def test_features_without_a_network_are_amplitudes_in_units_of_thresholds():
    found = losses.dct_features(x)
    luma = (255 * (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)).double().numpy()
    expected = abs(dctn(luma[1, 8:16, 16:24], norm="ortho"))
    assert found.shape == (3, 1, 4, 6, 8, 8)
    table = torch.tensor(losses.WATSON).view(8, 8)
    torch.testing.assert_close(found[1, 0, 1, 2].double(), torch.from_numpy(expected) / table, atol=2e-3, rtol=1e-4)
    assert (table == table.T).all()


def test_the_map_loss_counts_what_is_beyond_the_threshold():
    jnd = torch.full((3, 1, 32, 48), 0.1)
    within = x + 0.09 * torch.sign(y - 0.5)
    torch.testing.assert_close(losses.beyond(within, x, jnd), losses.distortion(within, x) / 2)
    beyond = x + 0.3
    expected = losses.distortion(beyond, x) / 2 + 255**2 * 0.2**2
    torch.testing.assert_close(losses.beyond(beyond, x, jnd), expected, rtol=1e-4, atol=0)


def test_weights_of_a_flat_map_are_one():
    torch.testing.assert_close(losses.weighted(y, x, torch.full((3, 1, 32, 48), 0.02)), losses.distortion(y, x))
    jnd = torch.full((3, 1, 32, 48), 0.02)
    jnd[..., 24:] = 0.04
    left, right = x.clone(), x.clone()
    left[..., :24] += 0.1
    right[..., 24:] += 0.1
    ratio = losses.weighted(left, x, jnd) / losses.weighted(right, x, jnd)
    torch.testing.assert_close(ratio, torch.full((3,), 4.0), rtol=1e-3, atol=0)


def test_every_loss_has_a_finite_gradient_at_no_error_too():
    jnd = torch.full((3, 1, 32, 48), 0.02)
    for loss in (
        lambda image: losses.iwl(image, x, j),
        lambda image: losses.fwl(image, x, j, losses.dct_features),
        lambda image: losses.beyond(image, x, jnd),
        lambda image: losses.weighted(image, x, jnd),
    ):
        image = x.clone().requires_grad_()
        (found,) = torch.autograd.grad(loss(image).sum(), image)
        assert found.isfinite().all()


@pytest.mark.parametrize("tag", ["more", "pwl", "iwl", "iwl-as-coded", "fwl-dct", "map", "weighted"])
def test_each_recipe_is_the_control_but_for_its_loss(tag):
    from dataclasses import replace

    from imgredux_jndlc.recipe import RECIPES

    assert replace(RECIPES[tag], D="rd") == RECIPES["more"]


def test_the_features_of_the_paper_are_those_of_torchvision(tmp_path):
    models = pytest.importorskip("torchvision.models")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = models.vgg16(weights=None)
    path = tmp_path / "vgg16.pth"
    torch.save(theirs.state_dict(), path)
    found = losses.Vgg16(path)(x)
    with torch.no_grad():
        expected = theirs.features[:-1](x)  # as the authors' code cuts them
    torch.testing.assert_close(found, expected)
    assert found.shape == (3, 512, 2, 3)
    assert gradient(lambda image: losses.fwl(image, x, j, losses.Vgg16(path))).isfinite().all()


def test_the_loss_of_the_paper_says_what_it_lacks():
    from imgredux_jndlc.recipe import RECIPES

    from imgredux.errors import WeightsError

    with pytest.raises(WeightsError, match="fwl-dct needs none"):
        RECIPES["fwl"]._distortion(y, x, j)
