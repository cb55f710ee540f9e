"""How the weights of D2LNet are trained: `imgredux train d2lnet.blind --images DIR...`."""

from dataclasses import dataclass

from torch import Tensor

from imgredux.methods.base import Method
from imgredux.training import Batch, JpegRecipe
from imgredux_d2lnet.losses import objective
from imgredux_d2lnet.method import D2LNet


@dataclass(frozen=True, kw_only=True)
class D2LNetRecipe(JpegRecipe):
    """Crops that grow to the size of a tile, Adam, and eq. 22 with the weight `alpha` on its frequency terms.

    The paper trains on DIV2K and Flickr2K at 256x256 with alpha 0.05, and says neither learning rate nor schedule. At
    alpha 0.05 the phase of faint bins takes most of the gradient: 0.04 dB less than at 0 after 400 steps of width 8.
    begin_at: factor on the last convolution of each output, so that a fresh network changes next to nothing.
    """

    alpha: float = 0.005
    begin_at: float = 0.01

    def prepare(self, method: Method) -> None:
        assert isinstance(method, D2LNet)
        for convolution in method.network.last:
            convolution.weight.mul_(self.begin_at)
            convolution.get_parameter("bias").zero_()

    def loss(self, method: Method, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        assert isinstance(method, D2LNet)  # what the plugin's recipes train
        damaged, clean, _ = batch
        out1, out2 = method.network(damaged)
        return objective(out1.float(), out2.float(), clean, alpha=self.alpha)


RECIPES = {
    "blind": D2LNetRecipe(
        options={"channels": 1, "width": 16, "tile": 96, "overlap": 16},
        crop=96,
        batch=4,
        steps=5000,
        lr=1e-3,
        clip=0.5,
        low=5,
        high=60,
        jitter=0.25,
        validations=5,
        judged=(10, 20, 30, 40),
    ),
    "q10": D2LNetRecipe(
        options={"channels": 1, "width": 16, "tile": 96, "overlap": 16},
        crop=48,
        batch=16,
        grow=((0.7, 96, 4),),
        warmup=0.3,
        steps=100_000,
        lr=1e-3,
        clip=0.5,
        jitter=0.25,
        validations=40,
    ),
}
