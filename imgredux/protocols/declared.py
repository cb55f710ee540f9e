"""The protocols of imgredux itself, declared in the same way as a plugin's; `docs/reference/protocols.md` says why."""

from imgredux.methods.declarations import Column, Guard, ProtocolSpec
from imgredux.methods.hooks import hookimpl

SPREAD = 0.7  # of the baseline's concentration: a map below it packs its noise too tightly to be compared
PEAK = 8.0  # largest threshold over the map's root mean square, likewise
POINTS = 8  # of a rate-distortion curve

EQUAL_MSE = ProtocolSpec(
    name="jnd-equal-mse",
    target="imgredux.protocols.equal_mse:EqualMse",
    kind="estimator",
    title="how well a map hides noise of a given mean squared error",
    level="target MSE",
    levels=(26.836, 16.121, 14.091, 100),
    log_levels=True,
    realized="mse",
    seeded=True,
    metrics=("ssim", "lpips", "ssimulacra2"),
    columns=(
        Column("concentration", "Concentration", 1, percent=True, main=True),
        Column("phi", "φ", 3),
        Column("mse", "MSE", 3),
        Column("reached", "MSE reached", 1, percent=True),
        Column("peak", "Peak / rms", 2),
        Column("on_edges", "On strong edges", 1, percent=True),
    ),
    counts="ssimulacra2",
    baselines=("flat", "localstd", "localstd15", "concentrated"),
    baseline="localstd",
    guards=(
        Guard("concentration", "share", least=SPREAD, relative=True, digits=2),
        Guard("peak", "peak", most=PEAK, digits=1),
    ),
    notes=(
        "SSIMULACRA2 is the column that counts. All methods add noise of the same mean squared error; the better map "
        "hides it better. SSIM and LPIPS reward whatever packs that noise into few pixels: the baseline concentrated, "
        "ones on the busiest 2 % of the pixels and no model of vision, is there to show it. SSIMULACRA2 is calibrated "
        "on human validations (90 invisible, 70 barely noticeable) and does not fall for it.",
        "Baselines: flat, localstd (1 + standard deviation in 5x5 pixels), localstd15 (its power 1.5) and "
        "concentrated. A model that does not beat them shows nothing.",
        "Concentration: the share of pixels that carry half of the noise power; 50 % is flat.",
        "†: noise packed more tightly than 0.7 times localstd's concentration, or a peak above 8 times the rms: not a "
        "fair comparison. ‡: the realised MSE misses its target by more than 0.5 %.",
    ),
)

FIRST_JND = ProtocolSpec(
    name="jnd-konjnd",
    target="imgredux.protocols.observers:KonJnd",
    kind="estimator",
    title="the JPEG quality at which a map is used up, against the range of observers",
    without="ssimulacra2",
    columns=(
        Column("inside", "Inside the observers' range", 1, higher_is_better=True, percent=True),
        Column("quality", "JPEG quality", 1),
        Column("low", "Observers' lowest", 1),
        Column("high", "Observers' highest", 1),
    ),
    counts="inside",
    baseline="localstd",
    baselines=("flat", "localstd", "localstd15", "concentrated"),
)

OBSERVER = ProtocolSpec(
    name="jnd-observer",
    target="imgredux.protocols.sessions:Observer",
    kind="estimator",
    title="how far a map's threshold is from that of people, by sessions of the gallery's page",
    columns=(
        Column("off", "Off, octaves", 2, higher_is_better=False),
        Column("octaves", "People over map, octaves", 2, main=True),
        Column("inside", "Map inside the interval", 1, higher_is_better=True, percent=True),
    ),
    counts="off",
    baseline="localstd",
    baselines=("flat", "localstd"),
    notes=(
        "A row is a session: one person, one photograph, noise of one map at the factor that the person just sees. The "
        "evaluated map sees that noise, and says how far it is from its own threshold: the mean of the fourth power "
        "of noise over map, to the fourth root. Octaves: log2 of that; 0 is right, 1 says that people see half as much "
        "as the map allows for.",
    ),
)

_RESTORED = (Column("ssim_box8", "SSIM 8x8 box", 4, higher_is_better=True),)

JPEG_Y = ProtocolSpec(
    name="jpeg-y",
    target="imgredux.protocols.jpeg:JpegLuma",
    kind="restorer",
    title="restorers of greyscale JPEG files",
    level="JPEG quality",
    levels=(10, 20, 30, 40),
    without="jpeg",
    metrics=("psnr", "ssim", "ssim_box8", "psnr_b"),
    columns=_RESTORED,
    counts="psnr",
)

JPEG_RGB = ProtocolSpec(
    name="jpeg-rgb",
    target="imgredux.protocols.jpeg:JpegColor",
    kind="restorer",
    title="restorers of color JPEG files with 4:2:0 chroma",
    level="JPEG quality",
    levels=(10, 20, 30, 40),
    without="jpeg",
    metrics=("psnr", "ssim", "ssim_box8", "psnr_b", "psnr_b_bgr"),
    columns=(*_RESTORED, Column("psnr_b_bgr", "PSNR-B, R and B swapped", 3, higher_is_better=True)),
    counts="psnr",
)

JPEG_DOUBLE = ProtocolSpec(
    name="jpeg-double",
    target="imgredux.protocols.jpeg:JpegDouble",
    kind="restorer",
    title="restorers of greyscale JPEG files that were cut and saved again",
    level="pair of qualities",
    levels=(3010, 5010, 5030, 1010, 3030, 5050, 1030, 1050, 3050),
    without="jpeg",
    metrics=("psnr", "ssim", "psnr_b"),
    counts="psnr",
    notes=(
        "A level is the first quality and the second: 3010 is 30, cut by four rows and columns, saved again at 10.",
    ),
)

RATE_DISTORTION = ProtocolSpec(
    name="rd",
    target="imgredux.protocols.rd:RateDistortion",
    kind="codec",
    title="bits of a file, and how near to the image it stays",
    level="point",
    levels=tuple(range(1, POINTS + 1)),
    metrics=("psnr", "ms_ssim", "ssimulacra2", "lpips"),
    columns=(Column("bpp", "bits per pixel", 3), Column("knob", "knob", 2)),
    counts="ssimulacra2",
    comparable=False,
    baselines=("jpeg420", "jpeg444"),
    rate="bpp",
)


@hookimpl
def imgredux_protocols() -> list[ProtocolSpec]:
    """The protocols of this distribution."""
    return [EQUAL_MSE, FIRST_JND, OBSERVER, JPEG_Y, JPEG_RGB, JPEG_DOUBLE, RATE_DISTORTION]
