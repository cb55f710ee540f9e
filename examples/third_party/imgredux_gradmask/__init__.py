"""An estimator, a metric and a protocol of a stranger's: what imgredux has to know about them. No torch here."""

from imgredux import Column, MetricSpec, ProtocolSpec, Spec, hookimpl

SPEC = Spec(
    name="gradmask",
    kind="estimator",
    target="imgredux_gradmask.method:GradMask",
    title="Gradient masking and luminance adaptation, in pixels",
    paper="Chou and Li, A perceptually tuned subband image coder based on the JND profile, IEEE TCSVT 5(6), 1995",
    license="MIT",
    context=2,
    differentiable=True,
)
GMSD = MetricSpec(
    name="gmsd",
    target="imgredux_gradmask.gmsd:gmsd",
    label="GMSD",
    digits=4,
    higher_is_better=False,
)
MIRROR = ProtocolSpec(
    name="mirror",
    target="imgredux_gradmask.mirror:Mirror",
    kind="estimator",
    title="by how much the map of a mirrored image differs from the mirrored map",
    columns=(
        Column("difference", "Difference, grey levels", 3, higher_is_better=False),
        Column("mean", "Mean of the map, grey levels", 3),
    ),
    counts="difference",
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    return [SPEC]


@hookimpl
def imgredux_metrics() -> list[MetricSpec]:
    return [GMSD]


@hookimpl
def imgredux_protocols() -> list[ProtocolSpec]:
    return [MIRROR]
