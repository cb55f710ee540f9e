"""Declaration of the free-energy JND of Wu et al. (2013)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="wu2013",
    kind="estimator",
    target="imgredux_wu2013.method:Wu2013",
    title="Free-energy JND: orderly and disorderly parts of an image",
    paper="J. Wu, G. Shi, W. Lin, A. Liu and F. Qi, IEEE Trans. Multimedia 15(7), 1705-1710, 2013",
    license="Apache-2.0",
    jod={"": 0.9249},
    channels=(1, 3),
    context=None,
    differentiable=False,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
