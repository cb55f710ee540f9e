"""How the weights of the patch-level network are trained: `imgredux train shen2020 --images PAIRS...`.

The authors' loss, optimiser, batch and number of steps; their rate is constant for half of these and falls in a line.
"""

from dataclasses import dataclass

from torch import Tensor

from imgredux import ops
from imgredux.methods.base import Method
from imgredux.methods.tiling import pad
from imgredux.training import Batch, PairRecipe
from imgredux_shen2020.method import SIDE, Shen2020, decomposed, patches


@dataclass(frozen=True, kw_only=True)
class Recipe(PairRecipe):
    """Learns, on patches of luma, the structure of critical images at the luminance and contrast of the pristine."""

    def pair(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Patches `(N, 1, 64, 64)` in [0, 1], pristine, and mu + c s with s of the critical image."""
        reference, critical = (patches(pad(ops.luma(x), 1, SIDE)) for x in super().pair(planes))
        (mu, c, _), (_, _, s) = decomposed(255 * reference), decomposed(255 * critical)
        return reference, (mu + c * s) / 255

    def predict(self, method: Method, reference: Tensor) -> Tensor:
        assert isinstance(method, Shen2020)  # it is this method's recipe
        return method.network(reference)

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        reference, target = batch
        return (self.predict(method, reference) - target).abs().mean(), {}


RECIPES = {"pairs": Recipe(crop=SIDE, batch=20, steps=95_000, lr=1e-4, betas=(0.5, 0.999))}
