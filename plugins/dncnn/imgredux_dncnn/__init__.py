"""Declaration of DnCNN-3, the residual network of Zhang et al. (2017), for JPEG."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="dncnn",
    kind="restorer",
    target="imgredux_dncnn.method:DnCnn",
    title="DnCNN-3: one residual network for JPEG of any quality",
    paper="K. Zhang, W. Zuo, Y. Chen, D. Meng and L. Zhang, IEEE Trans. Image Process. 26(7), 3142-3155, 2017",
    license="Apache-2.0",
    channels=(1, 3),
    context=30,  # of chroma in 4:2:0; luma has 20 by the convolutions, 7 more where a block is projected
    differentiable=True,
    recipes="imgredux_dncnn.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
