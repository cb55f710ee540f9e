"""Declaration of the learned codec under JND losses, after Pakdaman et al. (2024)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jndlc",
    kind="codec",
    target="imgredux_jndlc.method:JndLc",
    title="Learned image compression with JND losses on a mean-scale hyperprior",
    paper="F. Pakdaman, S. Nami and M. Gabbouj, Perceptual Learned Image Compression via End-to-End JND-Based "
    "Optimization, ICIP 2024",
    license="Apache-2.0",
    channels=(3,),
    multiple_of=64,
    minimum=64,
    context=None,
    differentiable=True,
    knob=("quality", (0, 0.5, 1, 1.5, 2, 2.5, 3, 4)),
    recipes="imgredux_jndlc.recipe:RECIPES",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
