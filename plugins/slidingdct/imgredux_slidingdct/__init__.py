"""Declaration of JPEG restoration by thresholding the DCT of sliding windows."""

from imgredux.hooks import hookimpl
from imgredux.spec import Spec

SPEC = Spec(
    name="slidingdct",
    kind="restorer",
    target="imgredux_slidingdct.method:SlidingDCT",
    title="Hard thresholding of the DCT of sliding windows, then projection on the quantisation constraint",
    paper="A. Nosratinia, J. VLSI Signal Process. 27, 69-79, 2001; O. G. Guleryuz, IEEE Trans. Image Process. 16, 2007",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=16,
    context=31,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
