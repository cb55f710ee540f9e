"""Declaration of D2LNet, the dual-domain restorer of Yang et al. (2023)."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="d2lnet",
    kind="restorer",
    target="imgredux_d2lnet.method:D2LNet",
    title="D2LNet: corrects the amplitude, then the phase, of what JPEG left",
    paper="G. Yang, L. Lin, C. Wu and F. Wang, Dual-Domain Learning for JPEG Artifacts Removal, EasyChair, 2023",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=8,
    minimum=8,
    context=None,  # each tile is seen as a whole, through its Fourier transform
    differentiable=True,
    recipes="imgredux_d2lnet.recipe:RECIPES",
    exceptions={
        "most_bytes": "6.2 MiB, two networks: the one for quality 10 alone has 29.02 dB on LIVE1, the blind 28.75",
        "tolerance": "1e-3, a quarter of a grey level: the angle of a faint bin amplifies the order of sums; fresh "
        "networks of width 4 to 32 differed by up to 3e-4 between float32 and float64",
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
