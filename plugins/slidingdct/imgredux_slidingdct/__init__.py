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
        "y": {5: 1.02, 10: 1.018, 20: 1.165, 30: 1.161, 40: 1.165, 60: 1.193, 80: 1.131, 90: 0.994, 95: 0.655},
        "rgb": {5: 0.923, 10: 0.949, 20: 0.946, 30: 0.86, 40: 0.834, 60: 0.775, 80: 0.619, 90: 0.451, 95: 0.27},
        "graphics-y": {
            5: 0.75,
            10: 0.982,
            20: 1.45,
            30: 1.763,
            40: 1.987,
            60: 1.92,
            80: 2.336,
            90: 1.93,
            95: 1.656,
        },
        "graphics-rgb": {
            5: 0.457,
            10: 0.532,
            20: 0.777,
            30: 0.876,
            40: 0.819,
            60: 0.826,
            80: 0.767,
            90: 0.625,
            95: 0.448,
        },
    },
    context=31,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
