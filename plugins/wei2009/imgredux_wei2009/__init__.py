"""Declaration of the DCT-domain JND of Wei and Ngan (2009)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="wei2009",
    kind="estimator",
    target="imgredux_wei2009.method:Wei2009",
    title="Spatio-temporal JND profile in the DCT domain",
    paper="Z. Wei and K. N. Ngan, IEEE Trans. Circuits Syst. Video Technol. 19(3), 337-346, 2009",
    license="Apache-2.0",
    jod={"": 0.83},
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=None,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
