"""Declaration of the DCT-domain JND of Zhang, Lin and Xue (2005)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="zhang2005",
    kind="estimator",
    target="imgredux_zhang2005.method:Zhang2005",
    title="DCT-domain JND with parabolic luminance adaptation and masking by block class",
    paper="X. Zhang, W. Lin and P. Xue, Signal Process. 85(4), 795-808, 2005",
    license="Apache-2.0",
    jod={"": 2.131},
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=7,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
