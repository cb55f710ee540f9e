"""Declaration of the nonlinear additivity model for masking of Yang et al. (2005)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="yang2005",
    kind="estimator",
    target="imgredux_yang2005.method:Yang2005",
    title="Luminance adaptation and edge-aware texture masking, added nonlinearly; chroma on request",
    paper="X. Yang, W. Lin, Z. Lu, E. Ong and S. Yao, Signal Process. Image Commun. 20(7), 662-680, 2005",
    license="Apache-2.0",
    jod={"": 1.049},
    channels=(1, 3),
    context=None,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
