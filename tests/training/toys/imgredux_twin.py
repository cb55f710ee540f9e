"""An estimator of two weights that learns from pairs in a second, and its recipes."""

from torch import nn

from imgredux import Estimator, Spec
from imgredux.training import PairRecipe


class Twin(Estimator):
    """The map is the distance to a critical image: the image, a little darker."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv2d(1, 1, 1)
        nn.init.constant_(self.network.weight, -0.01)
        nn.init.zeros_(self.network.get_parameter("bias"))

    def critical(self, x):
        return x + self.network(x.flatten(0, 1)[:, None]).view_as(x)

    def forward(self, x):
        return (self.critical(x) - x).abs().mean(1, keepdim=True)


class TwinRecipe(PairRecipe):
    """Learns the critical image, or the map."""

    def predict(self, method, reference):
        return method.critical(reference) if self.target == "image" else method(reference).expand_as(reference)


COMMON = {"crop": 24, "batch": 8, "steps": 40, "lr": 1e-2, "ema": 0.0, "validations": 3}
RECIPES = {"image": TwinRecipe(**COMMON), "map": TwinRecipe(**COMMON, target="map")}
SPEC = Spec(
    name="twin",
    kind="estimator",
    target="imgredux_twin:Twin",
    title="learns from pairs",
    paper="none",
    license="Apache-2.0",
    channels=(3,),
    context=0,
    recipes="imgredux_twin:RECIPES",
)
