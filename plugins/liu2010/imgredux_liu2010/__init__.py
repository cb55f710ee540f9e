"""Declaration of the JND of Liu et al. (2010), which masks by structure and by texture."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="liu2010",
    kind="estimator",
    target="imgredux_liu2010.method:Liu2010",
    title="Masking by the edges of an image's structure and, twice as strong, by its texture (TV-L1)",
    paper="A. Liu, W. Lin, M. Paul, C. Deng, F. Zhang, IEEE Trans. Circuits Syst. Video Tech. 20(11), 1648-1652, 2010",
    license="Apache-2.0",
    jod={"": 1.0},
    channels=(1, 3),
    context=None,
    differentiable=False,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
