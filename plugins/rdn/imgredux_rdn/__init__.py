"""Declaration of RDN, the residual dense network of Zhang et al. (2020)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="rdn",
    kind="restorer",
    target="imgredux_rdn.method:Rdn",
    title="RDN: residual dense blocks, one network for each JPEG quality",
    paper="Y. Zhang, Y. Tian, Y. Kong, B. Zhong and Y. Fu, IEEE Trans. PAMI 43(7), 2480-2495, 2021",
    license="Apache-2.0",
    channels=(1, 3),
    context=140,
    differentiable=True,
    recipes="imgredux_rdn.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
