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
        "y": {5: 0.589, 10: 0.28, 20: 0.128, 30: 0.063, 40: -0.012, 60: -0.148, 80: -0.436, 90: -0.817, 95: -1.377},
        "rgb": {5: 0.812, 10: 0.726, 20: 0.623, 30: 0.668, 40: 0.651, 60: 0.818, 80: 0.9, 90: 0.827, 95: 1.057},
        "graphics-y": {
            5: 0.989,
            10: 1.644,
            20: 2.536,
            30: 3.235,
            40: 3.318,
            60: 3.674,
            80: 5.333,
            90: 5.324,
            95: 4.569,
        },
        "graphics-rgb": {
            5: 0.813,
            10: 1.532,
            20: 2.664,
            30: 3.378,
            40: 3.64,
            60: 4.835,
            80: 6.439,
            90: 8.144,
            95: 8.884,
        },
    },
    exceptions={
        "a_jpeg_becomes_better": "it is for screenshots, text and drawings; grey photographs lose by it",
        "a_crop_of_a_jpeg_does_not_become_worse": "the same",
        "exports": "zones of one color are found by loops over pixels, which no graph has",
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [SPEC]
