"""Declaration of the pattern-complexity JND of Wu et al. (2017)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="wu2017",
    kind="estimator",
    target="imgredux_wu2017.method:Wu2017",
    title="Pattern complexity: regular structure hides less than irregular",
    paper="J. Wu, L. Li, W. Dong, G. Shi, W. Lin and C.-C. J. Kuo, IEEE Trans. Image Process. 26(6), 2682-2693, 2017",
    license="Apache-2.0",
    jod={"": 1.136},
    channels=(1, 3),
    context=None,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
