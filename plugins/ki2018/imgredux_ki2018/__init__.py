"""Declaration of the just-noticeable quantisation distortion of Ki et al. (2018)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="ki2018",
    kind="estimator",
    target="imgredux_ki2018.method:Ki2018",
    title="JNQD: what an encoder at a given QP may lose before it quantises",
    paper="S. Ki, S.-H. Bae, M. Kim and H. Ko, IEEE Trans. Image Process. 27(7), 3178-3193, 2018",
    license="Apache-2.0",
    jod={"": 3.25},
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=7,
    differentiable=False,
    exceptions={
        "thresholds_are_one_per_coefficient": "JNQD is 0 in blocks where nothing may be lost; the CNN form has none",
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
