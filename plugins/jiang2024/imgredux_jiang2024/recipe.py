"""How the weights of ResJND are trained: `imgredux train jiang2024 --images PAIRS...`.

The authors' loss (squared error of the CPL), batch and clipping of gradients. They train for 200 epochs by stochastic
gradient descent, with a rate of 0.1 that falls by 10 each 100; Adam, a cosine and the number of steps are chosen here,
and so are patches of 64 pixels, as they do not say how large theirs are. The network is theirs, of 301,824 parameters;
the weights that ship have 20,160: `--set 'options={width=32, recursions=9}' --set batch=16 --set lr=1e-3`.
"""

from dataclasses import dataclass

from torch import Tensor

from imgredux.methods.base import Method
from imgredux.training import PairRecipe
from imgredux_jiang2024.method import Jiang2024


@dataclass(frozen=True, kw_only=True)
class Recipe(PairRecipe):
    """Learns the critical image of pairs."""

    def predict(self, method: Method, reference: Tensor) -> Tensor:
        assert isinstance(method, Jiang2024)  # it is this method's recipe
        return method.critical(reference)


RECIPES = {"pairs": Recipe(crop=64, batch=32, steps=20_000, lr=5e-4, clip=0.4)}
