"""Declarations of the baselines: what a JND model has to beat."""

from imgredux.methods.hooks import hookimpl
from imgredux.methods.spec import Spec

_PAPER = "none: a baseline"

FLAT = Spec(
    name="flat",
    kind="estimator",
    target="imgredux_baselines.method:Flat",
    title="The same threshold everywhere: 1 grey level",
    paper=_PAPER,
    license="Apache-2.0",
    jod={"": 7.369},
    channels=(1, 3),
    context=0,
    differentiable=True,
)
LOCALSTD = Spec(
    name="localstd",
    kind="estimator",
    target="imgredux_baselines.method:LocalStd",
    title="1 grey level plus the standard deviation of luma in a 5x5 window",
    paper=_PAPER,
    license="Apache-2.0",
    jod={"": 0.6403},
    channels=(1, 3),
    context=2,
    differentiable=True,
)
LOCALSTD15 = Spec(
    name="localstd15",
    kind="estimator",
    target="imgredux_baselines.method:LocalStd15",
    title="localstd to the power 1.5: the same order of pixels, packed more tightly",
    paper=_PAPER,
    license="Apache-2.0",
    jod={"": 0.106},
    channels=(1, 3),
    context=2,
    differentiable=True,
)
CONCENTRATED = Spec(
    name="concentrated",
    kind="estimator",
    target="imgredux_baselines.method:Concentrated",
    title="1 grey level on the 2 % of the pixels with the highest variance of luma in a 15x15 window, 0 elsewhere",
    paper=_PAPER,
    license="Apache-2.0",
    jod={"": 111.3},
    channels=(1, 3),
    context=None,
    differentiable=False,
    exceptions={
        "magnitude_is_plausible": "zero on 98 % of the pixels is what it is for: its mean is 0.02 grey levels",
        "exports": "NumPy finds the value that the chosen pixels begin at",
    },
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    """The declarations of this distribution."""
    return [FLAT, LOCALSTD, LOCALSTD15, CONCENTRATED]
