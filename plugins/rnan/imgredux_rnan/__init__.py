"""Declaration of RNAN, the residual non-local attention network of Zhang et al. (2019)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="rnan",
    kind="restorer",
    target="imgredux_rnan.method:Rnan",
    title="RNAN: residual attention, local and non-local, one network for each JPEG quality",
    paper="Y. Zhang, K. Li, K. Li, B. Zhong and Y. Fu, ICLR 2019",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=None,  # tiles are part of it: a pixel attends to all of its tile
    differentiable=True,
    recipes="imgredux_rnan.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
