"""How the weights of DDJND are trained: `imgredux train ddjnd.hiding --images DIR...`, `ddjnd.paper` on pairs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from imgredux.methods.base import Method
from imgredux.training import Batch, PairRecipe, Recipe
from imgredux_ddjnd.gain import texture
from imgredux_ddjnd.losses import distillation, objective
from imgredux_ddjnd.method import DDJND
from imgredux_ddjnd.starting import start

if TYPE_CHECKING:
    from imgredux.training import Images

LEVELS = (16.0, 36.0, 100.0)  # MSE of the noise that a map is trained to hide, in squared grey levels
JUDGED = (16.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class HidingRecipe(Recipe):
    """Pictures, noise of a given MSE shaped by the map, and how much of it SSIMULACRA 2 sees.

    kd_weight: of the mutual distillation beside it. `gain` is by how many points of the objective the map is better
    than the base that training starts from, with the same noise in the same held-out images.
    """

    kd_weight: float = 1e-3

    def prepare(self, method: Method) -> None:
        network = cast(DDJND, method).network
        if network.trunk:
            start(network)

    def sample(self, crops: Tensor, generator: torch.Generator) -> Batch:
        """Crops `(B, 3, crop, crop)` in [0, 1], the MSE for each `(B,)`, and the seed of the noise's signs."""
        device = crops.device
        which = torch.randint(len(LEVELS), (len(crops),), generator=generator, device=device)
        seed = torch.randint(2**31, (), generator=generator, device=device)
        return crops.float().div_(255), torch.tensor(LEVELS, device=device)[which], seed

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        from imgredux.training import hiding

        image, mse, seed = batch
        ddjnd = cast(DDJND, method)
        q, F_s, F_f = ddjnd.network(2 * image - 1)
        generator = torch.Generator(image.device).manual_seed(int(seed))
        hidden, parts = hiding.objective(image, ddjnd.map_of(image, q), mse, generator)
        if not ddjnd.network.trunk:
            return hidden, parts
        L_kd = distillation(F_s, F_f)
        return hidden + self.kd_weight * L_kd, {**parts, "distillation": L_kd.detach()}

    def validate(self, method: Method, validation: "Images") -> dict[str, float]:
        from imgredux.training import hiding

        figures: dict[str, list[float]] = {}
        for index in range(len(validation)):
            image = validation.center(index, self.crop).float().div(255)
            maps = {"base_": texture(image), "": method(image)}
            for mse in JUDGED:
                for name, jnd in maps.items():
                    generator = torch.Generator(image.device).manual_seed(index)
                    loss, parts = hiding.objective(image, jnd, mse, generator)
                    figures.setdefault(f"{name}loss", []).append(float(loss))
                    for key in ("score", "hvs"):
                        figures.setdefault(f"{name}{key}_{mse:g}", []).append(float(parts[key]))
                    for key in ("edges", "packed"):
                        figures.setdefault(f"{name}{key}_held", []).append(float(parts[key]))
        means = {name: sum(values) / len(values) for name, values in figures.items()}
        return {"gain": means["base_loss"] - means["loss"], **means}


@dataclass(frozen=True, kw_only=True)
class PaperRecipe(PairRecipe):
    """Pristine crops and their critical ones, and eq. 1.

    kd_weight: lambda_1, printed as 1, which is several hundred times the other term at the start. started: begin with
    the values of `imgredux_ddjnd.starting`; without them all parts but one get no gradient.
    """

    kd_weight: float = 1e-3
    started: bool = True

    def prepare(self, method: Method) -> None:
        if self.started:
            start(cast(DDJND, method).network)

    def predict(self, method: Method, reference: Tensor) -> Tensor:
        return cast(DDJND, method).estimate(reference)

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        reference, critical = batch
        I_ori = 2 * reference - 1
        R, F_s, F_f = cast(DDJND, method).network(I_ori)
        if self.target == "image":
            return objective(I_ori + R, 2 * critical - 1, F_s, F_f, self.kd_weight)
        return objective(R, 2 * (critical - reference).abs(), F_s, F_f, self.kd_weight)


SMALL: dict[str, Any] = {"head": "paper", "width": 8, "kan_width": 4, "stride": 8, "tile": 128, "overlap": 24}
COMMON: dict[str, Any] = {
    "crop": 64,
    "batch": 8,
    "grow": ((0.8, 128, 2),),
    "steps": 10_000,
    "lr": 3e-3,
    "warmup": 0.3,
    "validations": 10,
}
RECIPES = {
    "hiding": HidingRecipe(
        options={"head": "gain", "trunk": False, "hidden": 24, "bound": 1.4, "tile": 512},
        crop=256,
        batch=2,
        steps=12_000,
        lr=3e-3,
        warmup=0.05,
    ),
    "paper": PaperRecipe(options=SMALL, **COMMON),
    "map": PaperRecipe(options={**SMALL, "target": "map"}, target="map", **COMMON),
    # As printed, on SHEN2020: 40 epochs of four crops of 224, Adam at 1e-5, both weights of eq. 1 at 1.
    "printed": PaperRecipe(
        options={"head": "paper"},
        crop=224,
        batch=4,
        steps=52_000,
        lr=1e-5,
        warmup=0.0,
        kd_weight=1.0,
        started=False,
    ),
}
