"""Losses and limits by a map: against their definitions, on an estimator, and in training."""

import pytest
import torch
from torch import Tensor

import imgredux
from imgredux import ImageError, losses, metrics
from imgredux.testing.damaged import noisy, photograph


@pytest.fixture(scope="module")
def image() -> Tensor:
    return photograph("astronaut", 64, 80)


@pytest.fixture(scope="module")
def jnd(image: Tensor) -> Tensor:
    return imgredux.get("chou1995")(image)


def test_errors_below_the_thresholds_cost_nothing(image: Tensor, jnd: Tensor) -> None:
    for within, nothing in ((0.99, True), (1.5, False)):
        altered = image + within * jnd
        assert bool((losses.hinge(altered, image, jnd) == 0).all()) == nothing
        assert bool((losses.pspnr(altered, image, jnd) == 0).all()) == nothing
    assert losses.weighted(image + jnd, image, jnd).item() == pytest.approx(1.0, rel=1e-4)
    assert losses.weighted(image + jnd / 2, image, jnd).item() == pytest.approx(0.25, rel=1e-4)


def test_pspnr_is_the_metrics(image: Tensor, jnd: Tensor) -> None:
    altered = noisy(image, 0.1)
    decibels = -10 * losses.pspnr(altered, image, jnd).log10()
    assert decibels.item() == pytest.approx(metrics.pspnr(altered, image, jnd).item(), abs=1e-4)


@pytest.mark.parametrize("kind", ["hinge", "pspnr", "weighted"])
def test_a_loss_on_an_estimator_trains(kind: losses.Kind, image: Tensor) -> None:
    """What is learnt ends where the loss is least: within the thresholds."""
    loss = losses.JndLoss(imgredux.get("chou1995"), kind)
    altered = noisy(image, 0.1).requires_grad_()
    optimizer = torch.optim.Adam([altered], lr=0.01)
    first = loss(altered, image)
    for _ in range(60):
        optimizer.zero_grad()
        loss(altered, image).backward()
        assert altered.grad is not None
        assert altered.grad.isfinite().all()
        optimizer.step()
    assert loss(altered, image) < 0.05 * first
    assert not [name for name, parameter in loss.named_parameters() if parameter.requires_grad]


def test_a_scale_is_stricter_or_more_lenient(image: Tensor) -> None:
    altered = noisy(image, 0.05)
    found = [losses.JndLoss(imgredux.get("chou1995"), "pspnr", scale)(altered, image) for scale in (0.5, 1.0, 2.0)]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize("mode", ["clamp", "soft"])
def test_no_pixel_moves_farther_than_its_threshold(mode: losses.Mode, image: Tensor, jnd: Tensor) -> None:
    limit = losses.Attenuation(imgredux.get("chou1995"), mode=mode)
    altered = noisy(image, 0.2)
    held = limit(image, altered)
    assert ((held - image).abs() <= jnd + 1e-6).all()
    assert (held - image).abs().mean() > 0.3 * jnd.mean()
    same = limit(image, image + 0.01 * jnd)
    assert torch.allclose(same, (image + 0.01 * jnd).clamp(0, 1), atol=1e-5)


def test_the_other_modes(image: Tensor, jnd: Tensor) -> None:
    estimator = imgredux.get("chou1995")
    d = 0.3 * torch.ones_like(image)
    scaled = losses.Attenuation(estimator, mode="scale", strength=2.0)(image, image + d)
    assert torch.allclose(scaled, (image + 0.6 * jnd).clamp(0, 1), atol=1e-6)
    gated = losses.Attenuation(estimator, mode="gate", level=8.0)(image, image + d)
    open_ = (jnd >= 8 / 255).expand_as(image)
    assert torch.equal(gated[~open_], image[~open_])
    assert torch.allclose(gated[open_], (image + d).clamp(0, 1)[open_])
    assert 0 < open_.float().mean() < 1
    blue = losses.Attenuation(estimator, blue=True)(image, image + d) - image
    inside = (image < 0.6).all(1)[0]
    for channel, share in enumerate(losses.BLUE):
        assert torch.allclose(blue[0, channel][inside], share * jnd[0, 0][inside], atol=1e-6)


def test_gradients_reach_what_was_altered_and_not_the_map(image: Tensor) -> None:
    for mode in ("soft", "scale"):
        altered = noisy(image, 0.02).requires_grad_()
        losses.Attenuation(imgredux.get("chou1995"), mode=mode)(image, altered).sum().backward()
        assert altered.grad is not None
        assert altered.grad.isfinite().all()
        assert (altered.grad > 0).float().mean() > 0.9
    jnd = torch.full_like(image[:, :1], 0.01, requires_grad=True)
    altered = noisy(image, 0.1).requires_grad_()
    losses.weighted(altered, image, jnd).sum().backward()
    assert jnd.grad is None


def test_a_map_of_zeros_lets_nothing_through(image: Tensor) -> None:
    nothing = torch.zeros_like(image[:, :1])
    for mode in ("clamp", "soft", "scale", "gate"):
        altered = noisy(image, 0.1).requires_grad_()
        held = losses.Attenuation(imgredux.get("chou1995"), mode=mode)(image, altered, nothing)
        assert torch.equal(held, image)
        held.sum().backward()
        assert altered.grad is not None
        assert altered.grad.isfinite().all()
    assert losses.weighted(noisy(image, 0.1), image, nothing).isfinite().all()


def test_bad_input_is_refused(image: Tensor, jnd: Tensor) -> None:
    estimator = imgredux.get("chou1995")
    for call in (losses.hinge, losses.pspnr, losses.weighted):
        with pytest.raises(ImageError, match="the map is"):
            call(image, image, jnd[..., 1:])
        with pytest.raises(ImageError, match="two equal"):
            call(image[..., 1:], image, jnd)
    with pytest.raises(ValueError, match="kind is 'l2'; choose hinge, pspnr, weighted"):
        losses.JndLoss(estimator, "l2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mode is 'hard'"):
        losses.Attenuation(estimator, mode="hard")  # type: ignore[arg-type]
    for make in (lambda: losses.JndLoss(estimator, scale=0), lambda: losses.Attenuation(estimator, strength=-1)):
        with pytest.raises(ValueError, match="above 0"):
            make()
