"""Declaration of the top-down KLT JND of Jiang et al. (2022)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jiang2022",
    kind="estimator",
    target="imgredux_jiang2022.method:Jiang2022",
    title="Top-down JND: what an image lacks when it just looks lossless",
    paper="Q. Jiang, Z. Liu, S. Wang, F. Shao and W. Lin, IEEE Trans. Image Process. 31, 3697-3712, 2022",
    license="Apache-2.0",
    jod={"": 4.758},
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=None,
    differentiable=True,
    exceptions={"exports": "how many components it keeps, and so the shapes of its matrices, depends on the image"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
