"""Declaration of ResJND, the residual learning of Jiang et al. (2024)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jiang2024",
    kind="estimator",
    target="imgredux_jiang2024.method:Jiang2024",
    title="ResJND: the distance to a learnt image that is just not told from the original",
    paper="Q. Jiang, F. Liu, Z. Wang, S. Wang and W. Lin, IEEE Trans. Circuits Syst. Video Technol., 2024",
    license="Apache-2.0",
    jod={"pairs": 3.025},
    channels=(3,),
    context=52,  # 3x3 convolutions: two in each of 25 recursions, one before and one after
    differentiable=True,
    recipes="imgredux_jiang2024.recipe:RECIPES",
    exceptions={
        "tile_tolerance": "1e-7 of a narrow network: how its convolutions sum few channels depends on the size"
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
