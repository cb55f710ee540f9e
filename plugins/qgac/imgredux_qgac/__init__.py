"""Declaration of QGAC, the quantization guided network of Ehrlich et al. (2020)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="qgac",
    kind="restorer",
    target="imgredux_qgac.method:Qgac",
    title="QGAC: filters made from the quantisation table, on DCT coefficients, in colour",
    paper="M. Ehrlich, L. Davis, S.-N. Lim and A. Shrivastava, ECCV 2020; ICCV Workshops 2021",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=16,
    minimum=16,
    context=None,  # 560 pixels: it tiles by itself, or most of the work would be the surroundings of tiles
    differentiable=True,
    recipes="imgredux_qgac.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
