"""Declaration of AR-CNN, the artefact-removing network of Dong et al. (2015)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="arcnn",
    kind="restorer",
    target="imgredux_arcnn.method:ArCnn",
    title="AR-CNN: four convolutions that take JPEG artefacts out of luma",
    paper="C. Dong, Y. Deng, C. C. Loy and X. Tang, ICCV 2015, 576-584",
    license="Apache-2.0",
    channels=(1, 3),
    context=30,  # of chroma in 4:2:0; luma has 9 by the convolutions, 7 more where a block is projected
    differentiable=True,
    recipes="imgredux_arcnn.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
