"""Declaration of the search for the smallest file whose difference stays unnoticed."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jndsearch",
    kind="codec",
    target="imgredux_jndsearch.method:JndSearch",
    title="The smallest of JPEG, jndjpeg, WebP, AVIF and JPEG XL within a JND target",
    paper="SSIMULACRA 2, J. Sneyers, 2023; its scale at human JNDs: J. Sneyers et al., CID22, 2023 (KonJND-1k)",
    license="Apache-2.0",
    knob=("target", ("first", "side-by-side", "in-place", "flicker")),
    exceptions={"golden_output": "the files are those of an encoder that Pillow brings, and change with its version"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
