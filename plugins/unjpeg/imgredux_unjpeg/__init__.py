"""Declaration of unjpeg, imgredux's own restorer: a small U-Net beside the sliding DCT."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="unjpeg",
    kind="restorer",
    target="imgredux_unjpeg.method:UnJpeg",
    title="A U-Net that corrects the sliding DCT, told the quantization table of the file; blind from quality 5 to 95",
    paper="none: a network of imgredux; its page is plugins/unjpeg/README.md",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=16,
    minimum=16,
    context=None,  # tiles are part of it
    differentiable=True,
    recipes="imgredux_unjpeg.recipe:RECIPES",
    exceptions={"most_bytes": "4.8 MiB of weights: in colour, and in grey at most qualities, it gains most of all"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
