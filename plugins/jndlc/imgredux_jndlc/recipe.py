"""How the weights of JND-LC are trained: `imgredux train jndlc.base --images DIR...`, the others on pairs, from it.

First rate and distortion alone. Then, from those weights (`--init`), a few thousand steps under a loss that knows the
just noticeable difference, on the pairs of `imgredux make-pairs`; `more` is the control, the same steps on the same
crops without it.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor

from imgredux import registry
from imgredux.errors import WeightsError
from imgredux.methods.base import Method
from imgredux.training import Batch, PairRecipe, Recipe
from imgredux_jndlc import losses
from imgredux_jndlc.method import LAMBDAS, JndLc

if TYPE_CHECKING:
    from imgredux.training import Images

HYPERPRIOR: dict[str, Any] = {"transforms": "hyperprior", "N": 96, "M": 128}


@dataclass(frozen=True, kw_only=True)
class RateRecipe(Recipe):
    """Crops, a level of quality for each, and lambda D + R, in bits per pixel.

    `gain` is the mean of -(lambda D + R) over the levels, on the middles of held-out images, rounded as in a stream.
    """

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Crops `(B, 3, crop, crop)` in [0, 1] and what `drawn` adds."""
        return crops.float().div_(255), *drawn(crops, generator, len(self.options.get("lambdas", LAMBDAS)))

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        x, *rest = batch
        y, bpp, trade = coded(cast(JndLc, method), x, *rest)
        D = losses.distortion(y, x)
        return (trade * D + bpp).mean(), {"bpp": bpp.mean(), "mse": D.mean()}

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        return judged(cast(JndLc, method), [x.float() / 255 for x in validation.middles()])

    def finish(self, method: Method) -> None:
        cast(JndLc, method).freeze()


Loss = Literal["rd", "pwl", "iwl", "iwl-as-coded", "fwl", "fwl-dct", "map", "weighted", "score"]


@dataclass(frozen=True, kw_only=True)
class JndRecipe(PairRecipe):
    """Crops of pristine images and of their critical ones, and lambda D' + R with a D' of `losses`.

    D: which; "rd" is D itself. share, kappa, w: of `pwl`, `iwl` and the maps, `fwl`. estimator: whose maps "map" and
    "weighted" take, at `jnd_scale` times their own. vgg: torchvision's weights of VGG-16 in a file, for "fwl".
    fwl_scale, score_scale: bring the other terms to the size of D.
    `gain` as in `RateRecipe`: what these losses give up of it is their price.
    """

    D: Loss = "rd"
    share: float = 0.5
    kappa: float = 1.0
    w: float = 0.9
    fwl_scale: float = 100.0
    vgg: str = ""
    score_scale: float = 2.0
    estimator: str = "ddjnd.hiding"
    jnd_scale: float = 1.0

    def predict(self, method: Method, reference: Tensor) -> Tensor:
        return method(reference).image

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Pristine and critical crops, the estimator's maps of them where the loss wants these, what `drawn` adds."""
        reference, critical = self.pair(crops)
        if self.D in ("map", "weighted"):
            with torch.no_grad():
                critical = self.jnd_scale * _estimator(self.estimator, str(reference.device))(reference)
        return reference, critical, *drawn(crops, generator, len(self.options.get("lambdas", LAMBDAS)))

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        x, j, *rest = batch
        y, bpp, trade = coded(cast(JndLc, method), x, *rest)
        D = losses.distortion(y, x).detach()
        with torch.autocast(x.device.type, enabled=False):  # metrics and transforms lose too much in bfloat16
            distortion = self._distortion(y, x, j)
        return (trade * distortion + bpp).mean(), {"bpp": bpp.mean(), "mse": D.mean()}

    def _distortion(self, y: Tensor, x: Tensor, j: Tensor) -> Tensor:
        match self.D:
            case "rd":
                return losses.distortion(y, x)
            case "pwl":
                return losses.pwl(y, x, j, self.share)
            case "iwl":
                return losses.iwl(y, x, j, self.kappa)
            case "iwl-as-coded":
                return losses.iwl_as_coded(y, x, j)
            case "fwl":
                return losses.fwl(y, x, j, _vgg(self.vgg, str(x.device)), self.w, self.fwl_scale)
            case "fwl-dct":
                return losses.fwl(y, x, j, losses.dct_features, self.w, self.fwl_scale)
            case "map":
                return losses.beyond(y, x, j, self.share, kappa=self.kappa)
            case "weighted":
                return losses.weighted(y, x, j)
            case "score":
                return losses.scored(y, x, self.score_scale)

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        return judged(cast(JndLc, method), [self.pair(planes)[0] for planes in validation.middles()])

    def finish(self, method: Method) -> None:
        cast(JndLc, method).freeze()


def drawn(crops: Tensor, generator: torch.Generator, levels: int) -> tuple[Tensor, Tensor]:
    """A level for each crop `(B,)`, and a seed for the noise that stands for rounding."""
    device = crops.device
    which = torch.randint(levels, (len(crops),), generator=generator, device=device)
    return which.float(), torch.randint(2**31, (), generator=generator, device=device)


def coded(method: JndLc, x: Tensor, level: Tensor, seed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The decoded crops, bits per pixel `(B,)`, and lambda `(B,)`."""
    with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []):
        torch.manual_seed(int(seed))
        y, bits = method.network.noisy(x, method.network.steps(level))
    return y, bits / (x.shape[-2] * x.shape[-1]), x.new_tensor(method.lambdas)[level.long()]


def judged(method: JndLc, images: list[Tensor]) -> dict[str, float]:
    """Rate and distortion at each level, means over images, and their sum, negative."""
    figures: dict[str, list[float]] = {}
    for x in images:
        sides = [n // 64 * 64 for n in x.shape[-2:]]
        x = x[..., : sides[0], : sides[1]]
        for level, trade in enumerate(method.lambdas if x.numel() else ()):
            y, bits = method.forward(x, quality=level)
            D = float(losses.distortion((255 * y).round() / 255, x))
            bpp = float(bits) / (x.shape[-2] * x.shape[-1])
            figures.setdefault(f"bpp_{level}", []).append(bpp)
            figures.setdefault(f"mse_{level}", []).append(D)
            figures.setdefault("gain", []).append(-(trade * D + bpp))
    return {name: sum(values) / len(values) for name, values in sorted(figures.items())}


@cache
def _vgg(weights: str, device: str) -> losses.Vgg16:
    if not weights:
        raise WeightsError(
            'the feature-wise loss as printed needs torchvision\'s weights of VGG-16: --set vgg="vgg16-397923af.pth". '
            "The recipe fwl-dct needs none"
        )
    return losses.Vgg16(weights).to(device)


@cache
def _estimator(name: str, device: str) -> Method:
    return registry.get(name, device)


FINE: dict[str, Any] = {"crop": 128, "batch": 8, "steps": 6_000, "lr": 1e-4}
RECIPES: dict[str, Recipe] = {
    "base": RateRecipe(crop=128, batch=8, grow=((0.75, 192, 4),), steps=50_000, lr=1e-3, kernels_lr=2e-3, warmup=0.05),
    "hyperprior": RateRecipe(options=HYPERPRIOR, crop=256, batch=16, steps=60_000, lr=5e-4),
    "more": JndRecipe(**FINE, D="rd"),
    "pwl": JndRecipe(**FINE, D="pwl"),
    "iwl": JndRecipe(**FINE, D="iwl"),
    "iwl-as-coded": JndRecipe(**FINE, D="iwl-as-coded"),
    "fwl": JndRecipe(**FINE, D="fwl", fwl_scale=1.0),
    "fwl-dct": JndRecipe(**FINE, D="fwl-dct"),
    "map": JndRecipe(**FINE, D="map"),
    "weighted": JndRecipe(**FINE, D="weighted"),
    "score": JndRecipe(**{**FINE, "crop": 256, "batch": 2}, D="score"),
}
