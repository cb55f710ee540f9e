"""Declaration of DCSC, the convolutional sparse coding of Fu et al. (2019)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="dcsc",
    kind="restorer",
    target="imgredux_dcsc.method:Dcsc",
    title="DCSC: sparse coding unrolled, for JPEG of qualities 10 to 40",
    paper="X. Fu, Z.-J. Zha, F. Wu, X. Ding and J. Paisley, ICCV 2019",
    license="Apache-2.0",
    channels=(1, 3),
    context=54,  # 47 by the convolutions, 7 more where a block is projected
    differentiable=True,
    exceptions={"tile_tolerance": "1e-6: how convolutions sum few channels depends on the size"},
    recipes="imgredux_dcsc.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
