"""What a report says of codecs: bytes at equal quality, and curves. Numbers of others stand in rows of their own."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from imgredux.evaluate.bd_rate import Curve, image_curves, mean_curves, mean_saving, published, saving
from imgredux.evaluate.columns import column_of, heading
from imgredux.io.jsonl import Row
from imgredux.methods.declarations import ProtocolSpec
from imgredux.report.plots import Axis, Series, lines

ABOUT = (
    "Bytes at equal quality (BD-rate: PCHIP on the logarithm of the rate, over the qualities that both reach), in "
    "percent of the anchor's; negative: fewer. By image, mean ± standard error; in brackets: of the mean curves. "
    "SSIMULACRA2 from 30 to 92, MS-SSIM in dB. n: images whose curves overlap. "
    "Printed: of mean curves in PSNR that others published, against their own JPEG."
)


@dataclass(frozen=True)
class Savings:
    """One data set: for each codec and anchor, cells by quality; and curves as SVG. printed: rows of others."""

    dataset: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]
    printed: tuple[tuple[str, str], ...]
    plots: tuple[str, ...]


def savings(spec: ProtocolSpec, rows: Sequence[Row], styles: Mapping[str, str]) -> list[Savings]:
    """For each data set among the rows of a protocol whose levels are points of a curve, what each method saves.

    Empty for other protocols. styles: by codec, what colors its curve.
    """
    if not spec.rate:
        return []
    mine = [row for row in rows if row["protocol"] == spec.name]
    return [_of(spec, mine, dataset, styles) for dataset in dict.fromkeys(row["dataset"] for row in mine)]


def _of(spec: ProtocolSpec, rows: Sequence[Row], dataset: str, styles: Mapping[str, str]) -> Savings:
    held = dict.fromkeys(name for row in rows for name in row["values"])
    judged = [name for name in held if column_of(spec, name).higher_is_better is not None]
    single = {value: image_curves(rows, dataset, value, spec.rate) for value in judged}
    values = tuple(value for value in judged if single[value])
    means = {value: mean_curves(rows, dataset, value, spec.rate) for value in values}
    names = dict.fromkeys(name for value in values for name in means[value])
    found = []
    for anchor in (name for name in spec.baselines if name in names):
        for name in names:
            if name != anchor:
                cells = [_cell(single[value], means[value], anchor, name) for value in values]
                found.append((name, anchor, tuple(cells)))
    theirs = published().get(dataset, {})
    plots = [_plot(spec, value, means[value], theirs if value == "psnr" else {}, styles) for value in values]
    headings = tuple(heading(column_of(spec, value)) for value in values)
    return Savings(dataset, headings, tuple(found), tuple(_printed(theirs)), tuple(plots))


def _cell(single: Mapping[str, Mapping[str, Curve]], means: Mapping[str, Curve], anchor: str, name: str) -> str:
    mean, error, n = mean_saving(single.get(anchor, {}), single.get(name, {}))
    whole = saving(means.get(anchor, ()), means.get(name, ())).percent
    if not n:
        return "-"
    spread = f" ±{error:.1f}" if math.isfinite(error) else ""
    return f"{mean:+.1f} %{spread} ({whole:+.1f}), n {n}"


def _printed(theirs: Mapping[str, Curve]) -> Iterator[tuple[str, str]]:
    anchor = next(iter(theirs), "")
    for name, curve in theirs.items():
        if name != anchor:
            yield name, f"{saving(theirs[anchor], curve).percent:+.1f} %"


def _plot(
    spec: ProtocolSpec, value: str, ours: Mapping[str, Curve], theirs: Mapping[str, Curve], styles: Mapping[str, str]
) -> str:
    """Quality over bits per pixel; published curves dashed, as far as ours go."""
    most = max(rate for curve in ours.values() for rate, _ in curve)
    drawn = [Series(name, styles.get(name, "c0"), False, _points(curve, most)) for name, curve in ours.items()]
    drawn += [Series(f"{name}, printed", "yard", True, _points(curve, most)) for name, curve in theirs.items()]
    label = {"ms_ssim": "MS-SSIM, dB", "lpips": "-LPIPS", "psnr": "PSNR, dB"}.get(
        value, heading(column_of(spec, value))
    )
    return lines([one for one in drawn if one.points], Axis("bits per pixel", log=True), Axis(label))


def _points(curve: Curve, most: float) -> list[tuple[float, float, float]]:
    return [(rate, quality, math.nan) for rate, quality in curve if rate <= most]
