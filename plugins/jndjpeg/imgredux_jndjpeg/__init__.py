"""Declaration of the JPEG encoder that spends bits where they are seen."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="jndjpeg",
    kind="codec",
    target="imgredux_jndjpeg.method:JndJpeg",
    title="JPEG with quantisation by just noticeable differences and a trellis",
    paper="after A. B. Watson, DCTune, SID 1993; Z. Szabadka, M. Bruse and J. Alakuijala, jpegli, 2024; "
    "K. Ramchandran and M. Vetterli, IEEE Trans. Image Process. 3(5), 700-704, 1994",
    license="Apache-2.0",
    knob=("distance", (9.0, 6.0, 4.0, 3.0, 2.0, 1.4, 1.0, 0.6)),
    exceptions={"golden_output": "the files are those that mozjpeg writes, and change with its version"},
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
