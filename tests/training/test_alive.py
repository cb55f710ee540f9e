"""Every part of every method that learns: gradients reach it as it is trained, and on a photograph it counts."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from skimage import data
from torch import Tensor, nn

from imgredux import ops, registry
from imgredux.methods.base import Method
from imgredux.methods.codec import Codec
from imgredux.methods.restorer import Restorer
from imgredux.training import PairRecipe
from imgredux.training.loop import recipes
from imgredux.training.recipe import Recipe

STEPS = 3  # what begins at zero has a gradient after a step or two
# A constant added to all entries of a row leaves its softmax as it is; quantiles are fitted when the training is done.
WITHOUT_GRADIENT = ("sha.k.bias", "entropy_bottleneck.quantiles")
# What a shipped network does without, and why.
DEAD = {
    "d2lnet.blind": "its coarsest blocks are dead: it was trained from initial values that are not small",
    "d2lnet.q10": "the same initial values; after an hour it is ahead of what began near zero all the same",
}
# Recipes that want a file which a user has and this repository has not.
WANTING = ("jndlc.fwl",)  # torchvision's weights of VGG-16


def learning() -> Iterator[str]:
    """`method.tag` of all recipes that are installed."""
    for kind in ("estimator", "restorer", "codec"):
        for name in registry.list_methods(kind):
            if registry.info(name).spec.recipes:
                yield from (full for tag in recipes(name) if (full := f"{name}.{tag}") not in WANTING)


def shipped() -> Iterator[str]:
    for full in learning():
        name, _, tag = full.partition(".")
        if tag in registry.info(name).weights:
            yield full


def planes(side: int, channels: int) -> Tensor:
    """Two crops of photographs as a recipe reads them, uint8; where it reads pairs, with a JPEG of each."""
    crops = [image[60 : 60 + side, 120 : 120 + side] for image in (data.astronaut(), data.chelsea())]
    x = torch.stack([torch.from_numpy(crop.copy()).permute(2, 0, 1) for crop in crops])
    if channels == 3:
        return x
    return torch.cat([x, ops.jpeg(x.float() / 255, 40).mul(255).round().byte()], 1)


def fresh(name: str, recipe: Recipe) -> Method:
    torch.manual_seed(0)
    method = registry.create(name, **recipe.options).train()
    with torch.no_grad():
        recipe.prepare(method)
    return method


@pytest.mark.parametrize("full", sorted(learning()))
def test_gradients_reach_every_parameter_as_it_is_trained(full: str) -> None:
    name, _, tag = full.partition(".")
    recipe = replace(recipes(name)[tag], crop=64, batch=2)
    method = fresh(name, recipe)
    reached: set[str] = set()
    optimizer = torch.optim.Adam(method.parameters(), 1e-3)
    crops = planes(64 + recipe.margin, 6 if isinstance(recipe, PairRecipe) else 3)
    for step in range(STEPS):
        optimizer.zero_grad()
        loss, _ = recipe.loss(method, recipe.sample(crops, torch.Generator().manual_seed(step)))
        loss.backward()
        for key, parameter in method.named_parameters():
            if parameter.grad is not None:
                assert parameter.grad.isfinite().all(), key
                if parameter.grad.any():
                    reached.add(key)
        optimizer.step()
    missed = {key for key, _ in method.named_parameters()} - reached
    assert {key for key in missed if not key.endswith(WITHOUT_GRADIENT)} == set()


@pytest.mark.parametrize("full", sorted(shipped()))
def test_every_part_counts_on_a_photograph(full: str, request: pytest.FixtureRequest) -> None:
    """What a convolution gives differs over the image, and the mean of it in its place changes the result."""
    if full in DEAD:
        request.applymarker(pytest.mark.xfail(reason=DEAD[full], strict=True))
    method = registry.get(full)
    x = planes(64, 3)[:1].float() / 255
    options = {"qtable": ops.ijg_tables(20)[None]} if isinstance(method, Restorer) else {}
    x = ops.jpeg(x, 20) if options else x
    layers = {name: layer for name, layer in method.named_modules() if isinstance(layer, nn.Conv2d)}
    if isinstance(method, Codec):
        method.train().eval()  # without integer tables, which stand in the place of what networks give
    replaced: list[str] = []
    flat: list[str] = []

    def run() -> Tensor:
        result = method(x, **options)
        return torch.cat([result.image.flatten(), result.bits]) if isinstance(method, Codec) else result

    with torch.no_grad():
        whole = run()
        for name, layer in layers.items():

            def mean(layer: nn.Module, given: tuple[Tensor], out: Tensor, name: str = name) -> Tensor | None:
                if out.shape[-2:] == (1, 1):  # of the image as a whole
                    return torch.zeros_like(out)
                if float(out.std((-2, -1)).max()) == 0:
                    flat.append(name)
                return out.mean((-2, -1), keepdim=True).expand_as(out).contiguous()

            with layer.register_forward_hook(mean):
                if torch.equal(run(), whole):
                    replaced.append(name)
    assert not flat
    assert not replaced
