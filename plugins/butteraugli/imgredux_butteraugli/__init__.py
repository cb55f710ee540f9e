"""Declaration of butteraugli, a judge that no method of imgredux is trained by."""

from imgredux.methods.declarations import MetricSpec
from imgredux.methods.hooks import hookimpl

SPECS = [
    MetricSpec(
        name="butteraugli",
        target="imgredux_butteraugli.metric:butteraugli",
        label="butteraugli, largest",
        digits=3,
        higher_is_better=False,
    ),
    MetricSpec(
        name="butteraugli_3norm",
        target="imgredux_butteraugli.metric:butteraugli_3norm",
        label="butteraugli, 3-norm",
        digits=3,
        higher_is_better=False,
    ),
]


@hookimpl
def imgredux_metrics() -> list[MetricSpec]:
    """The declarations of this distribution."""
    return SPECS
