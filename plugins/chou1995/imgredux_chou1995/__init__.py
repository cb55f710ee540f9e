"""Declaration of the just-noticeable distortion profile of Chou and Li (1995)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="chou1995",
    kind="estimator",
    target="imgredux_chou1995.method:Chou1995",
    title="The greater of luminance adaptation and spatial masking",
    paper="C.-H. Chou and Y.-C. Li, IEEE Trans. Circuits Syst. Video Technol. 5(6), 467-476, 1995",
    license="Apache-2.0",
    jod={"": 1.08},
    channels=(1, 3),
    context=2,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
