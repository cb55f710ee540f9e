"""Declaration of the learned codec under JND losses, after Pakdaman et al. (2024)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jndlc",
    kind="codec",
    target="imgredux_jndlc.method:JndLc",
    title="Learned image compression with JND losses, on a network for processors whose decoder is in integers",
    paper="F. Pakdaman, S. Nami and M. Gabbouj, Perceptual Learned Image Compression via End-to-End JND-Based "
    "Optimization, ICIP 2024",
    license="Apache-2.0",
    channels=(3,),
    multiple_of=64,
    minimum=64,
    context=None,
    differentiable=True,
    knob=("quality", (0, 1, 2, 3, 4, 5, 6)),
    recipes="imgredux_jndlc.recipe:RECIPES",
    exceptions={"most_bytes": "4.1 MiB a network: docs/results/codecs.md has what it saves over a smaller one"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
