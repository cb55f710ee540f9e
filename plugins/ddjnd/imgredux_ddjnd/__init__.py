"""Declaration of DDJND, the dual-domain estimator of Wang, Li and Xie (2025)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="ddjnd",
    kind="estimator",
    target="imgredux_ddjnd.method:DDJND",
    title="DDJND: patterns in space and details in frequency teach each other what hides change",
    paper="M. Wang, Z. Li and W. Xie, DDJND: Dual Domain Just Noticeable Difference, AAAI, 2025",
    license="Apache-2.0",
    jod={"hiding": 1.551, "paper": 2.198},
    channels=(3,),
    multiple_of=8,
    minimum=8,
    context=None,  # attention looks at the whole of a tile
    differentiable=True,
    recipes="imgredux_ddjnd.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
