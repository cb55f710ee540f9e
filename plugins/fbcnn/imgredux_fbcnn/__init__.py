"""Declaration of FBCNN, the flexible blind network of Jiang et al. (2021)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="fbcnn",
    kind="restorer",
    target="imgredux_fbcnn.method:FbCnn",
    title="FBCNN: predicts the quality of a JPEG, restores it, and takes another quality as a dial",
    paper="J. Jiang, K. Zhang and R. Timofte, ICCV 2021",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=None,  # one quality is predicted for the whole image
    differentiable=True,
    recipes="imgredux_fbcnn.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
