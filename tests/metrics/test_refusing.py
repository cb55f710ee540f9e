"""Metrics refuse to guess: what holds a NaN has no score, autocast changes none, and equal images have a gradient."""

import inspect

import pytest
import torch
from skimage import data
from torch import Tensor

from imgredux import ImageError, metrics
from imgredux.metrics import METRICS
from imgredux.testing.shared import shared

NEEDS_FILES = ("lpips",)
FUNCTIONS = {name: metric.function for name, metric in METRICS.items()}


def pspnr(image: Tensor, reference: Tensor, **options: bool) -> Tensor:
    return metrics.pspnr(image, reference, torch.full_like(reference[:, :1], 0.01), **options)


FUNCTIONS["pspnr"] = pspnr


@pytest.fixture(params=sorted(FUNCTIONS))
def metric(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param in NEEDS_FILES:
        monkeypatch.setenv("IMGREDUX_LPIPS_BACKBONES", str(shared("weights/lpips")))
    return FUNCTIONS[request.param]


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    reference = torch.from_numpy(data.astronaut()[:176, :168].copy()).permute(2, 0, 1)[None].float() / 255
    noise = torch.randn(reference.shape, generator=torch.Generator().manual_seed(0))
    return (reference + 0.03 * noise).clamp(0, 1), reference


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["image", "reference", "both"])
def test_one_bad_number_is_no_score(metric, pair, bad: float, where: str) -> None:
    image, reference = (torch.cat([x, x]) for x in pair)
    for name, x in (("image", image), ("reference", reference)):
        if where in (name, "both"):
            x[1, 1, 90, 100] = bad
    good, none = metric(image, reference).tolist()
    assert none != none
    assert good == pytest.approx(metric(*pair).item(), rel=1e-5), "the other image of the batch"


def test_all_nan_is_no_score(metric, pair) -> None:
    image, reference = pair
    assert metric(image * float("nan"), reference).isnan().all()
    assert metric(image * float("nan"), reference * float("nan")).isnan().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(metric, pair, dtype: torch.dtype) -> None:
    plain = metric(*pair)
    with torch.autocast("cpu", dtype):
        inside = metric(*pair)
    assert inside.dtype == plain.dtype
    assert torch.equal(inside, plain)


@pytest.mark.parametrize("level", [None, 0.0, 0.5, 1.0])
def test_equal_images_have_a_gradient_of_zero(metric, pair, level: float | None) -> None:
    reference = pair[1] if level is None else torch.full_like(pair[1], level)
    image = reference.clone().requires_grad_()
    metric(image, reference).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert image.grad.abs().max() < 1e-3


def test_what_is_far_from_an_image_is_refused_where_asked(metric, pair) -> None:
    image, reference = pair
    assert torch.equal(metric(image, reference, strict=True), metric(image, reference))
    for x, y in ((255 * image, 255 * reference), (image, 255 * reference), (image - 3, reference)):
        with pytest.raises(ImageError, match="images in \\[0, 1\\]"):
            metric(x, y, strict=True)


@pytest.mark.parametrize(
    "shape", [(3, 170, 170), (170, 170), (1, 170, 170, 3), (1, 0, 170, 170), (1, 3, 0, 170), (1, 2, 170, 170)]
)
def test_other_shapes_are_an_image_error(metric, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    try:
        score = metric(x, x)
    except ImageError:
        return
    assert 0 not in shape
    assert score.shape == shape[:1], "a metric of planes takes any number of them"


def test_help_names_the_option() -> None:
    for metric in METRICS.values():
        assert "strict" in inspect.signature(metric.function).parameters
