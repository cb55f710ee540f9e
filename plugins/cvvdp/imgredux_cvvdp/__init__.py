"""Declarations: ColorVideoVDP for still images, a judge that no method of imgredux is trained by, and its protocol."""

from imgredux.methods.declarations import Column, MetricSpec, ProtocolSpec
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

VISIBILITY = ProtocolSpec(
    name="jnd-visibility",
    target="imgredux_cvvdp.visibility:Visibility",
    kind="estimator",
    title="how much a map hides where ColorVideoVDP sees the same",
    level="ColorVideoVDP, JOD",
    levels=(9.5, 9.0),
    seeded=True,
    metrics=("ssimulacra2",),
    columns=(
        Column("hidden", "Hidden, bits", 3, higher_is_better=True),
        Column("noise", "Noise, dB", 2, main=True),
        Column("on_edges", "On strong edges", 1, percent=True, main=True),
        Column("local", "Local, 99 %", 1, main=True),
        Column("concentration", "Concentration", 1, percent=True),
        Column("quality", "JOD", 3),
        Column("reached", "JOD reached", 1, percent=True),
        Column("phi", "φ", 3),
    ),
    counts="hidden",
    baselines=("flat", "localstd", "localstd15", "concentrated"),
    baseline="localstd",
    notes=(
        "Every map is scaled until ColorVideoVDP, on a display of 37.8 pixels per degree, says the level; 9 is one "
        "just-objectionable difference, which 75 % of people see. Hidden: the mean of log2(1 + phi J), J in grey "
        "levels: noise that is packed into few pixels hides little. Noise: 10 log10 of its MSE. Local: the 99th "
        "percentile of its rms in 5x5 pixels, grey levels. No method is trained by this judge, and no setting or "
        "checkpoint is chosen by it.",
    ),
)


@hookimpl
def imgredux_protocols() -> list[ProtocolSpec]:
    """The protocols of this distribution."""
    return [VISIBILITY]


@hookimpl
def imgredux_metrics() -> list[MetricSpec]:
    """The declarations of this distribution."""
    return SPECS
