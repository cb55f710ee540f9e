"""Declaration of JPEG restoration by thresholding the DCT of sliding windows."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="slidingdct",
    kind="restorer",
    target="imgredux_slidingdct.method:SlidingDCT",
    title="Hard thresholding of the DCT of sliding windows, then projection on the quantisation constraint",
    paper="A. Nosratinia, J. VLSI Signal Process. 27, 69-79, 2001; O. G. Guleryuz, IEEE Trans. Image Process. 16, 2007",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=16,
    # python -m imgredux.training.gains slidingdct --images DIR, on the images held out of our training data
    gains={
        "y": {5: 1.051, 10: 1.05, 20: 1.2, 30: 1.194, 40: 1.196, 60: 1.214, 80: 1.128, 90: 0.999, 95: 0.652},
        "rgb": {5: 0.961, 10: 0.99, 20: 0.995, 30: 0.908, 40: 0.883, 60: 0.811, 80: 0.639, 90: 0.462, 95: 0.274},
        "graphics-y": {
            5: 0.819,
            10: 1.096,
            20: 1.586,
            30: 1.876,
            40: 2.082,
            60: 1.985,
            80: 2.353,
            90: 1.924,
            95: 1.593,
        },
        "graphics-rgb": {
            5: 0.539,
            10: 0.667,
            20: 0.926,
            30: 0.998,
            40: 0.925,
            60: 0.897,
            80: 0.778,
            90: 0.619,
            95: 0.44,
        },
    },
    context=31,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
