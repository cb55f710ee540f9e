"""Declaration of flatzone, the restorer of graphics of imgredux."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

SPEC = Spec(
    name="flatzone",
    kind="restorer",
    target="imgredux_flatzone.method:FlatZone",
    title="flatzone: screenshots, text, drawings and pixel art, drawn flat within the quantisation intervals",
    paper="none: a method of imgredux; its page is plugins/flatzone/README.md",
    license="Apache-2.0",
    channels=(1, 3),
    multiple_of=16,
    minimum=16,
    context=None,  # tiles are part of it
    # python -m imgredux.training.gains flatzone --images DIR, on photographs held out of our training data; --graphics,
    # on all training screens
    gains={
        "y": {5: 0.649, 10: 0.201, 20: -0.134, 30: -0.34, 40: -0.446, 60: -0.7, 80: -1.101, 90: -1.655, 95: -2.255},
        "rgb": {5: 0.889, 10: 0.69, 20: 0.455, 30: 0.312, 40: 0.268, 60: 0.205, 80: 0.173, 90: 0.146, 95: 0.289},
        "graphics-y": {
            5: 0.874,
            10: 1.445,
            20: 2.228,
            30: 2.952,
            40: 3.068,
            60: 3.388,
            80: 4.886,
            90: 4.803,
            95: 4.472,
        },
        "graphics-rgb": {
            5: 0.741,
            10: 1.355,
            20: 2.332,
            30: 2.989,
            40: 3.238,
            60: 4.259,
            80: 5.516,
            90: 6.509,
            95: 6.604,
        },
    },
    exceptions={
        "a_jpeg_becomes_better": "it is for screenshots, text and drawings; grey photographs lose by it",
        "a_crop_of_a_jpeg_does_not_become_worse": "the same",
        "a_jpeg_file_brings_its_steps": "grey photographs come back as they are: it states a loss on them",
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
