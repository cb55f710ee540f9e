"""Declaration of ColorVideoVDP for still images, a judge that no method of imgredux is trained by."""

from imgredux.methods.declarations import MetricSpec
from imgredux.methods.hooks import hookimpl

SPECS = [
    MetricSpec(
        name="cvvdp",
        target="imgredux_cvvdp.metric:cvvdp",
        label="ColorVideoVDP, JOD",
        digits=3,
    ),
    MetricSpec(
        name="cvvdp_fhd",
        target="imgredux_cvvdp.metric:cvvdp_fhd",
        label="ColorVideoVDP, JOD at 38 ppd",
        digits=3,
    ),
]


@hookimpl
def imgredux_metrics() -> list[MetricSpec]:
    """The declarations of this distribution."""
    return SPECS
