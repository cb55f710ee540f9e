"""Declaration of the patch-level structural visibility of Shen et al. (2020)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="shen2020",
    kind="estimator",
    target="imgredux_shen2020.method:Shen2020",
    title="Patches whose luminance, contrast and structure each lose what nobody sees",
    paper="X. Shen, Z. Ni, W. Yang, X. Zhang, S. Wang and S. Kwong, IEEE Trans. Image Process. 30, 26-38, 2020",
    license="Apache-2.0",
    channels=(1,),
    minimum=64,
    context=None,  # where the patches lie depends on the size of the image
    differentiable=True,
    recipes="imgredux_shen2020.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
