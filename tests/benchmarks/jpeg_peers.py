"""jndjpeg beside jpegli and mozjpeg: bytes against Pillow's 4:4:4 JPEG at equal quality, by judges of other hands.

    python -m tests.benchmarks.jpeg_peers --data kodak --data cid22 -o peers.jsonl --ssimulacra2 PROGRAM \
        [--cjpegli PROGRAM] [--mozjpeg PROGRAM] [--butteraugli butteraugli_main] [--cvvdp PYTHON] [--limit 8]

Judges: SSIMULACRA 2 of its authors, butteraugli's 3-norm of libjxl, PSNR-HVS and MS-SSIM of imgredux, and ColorVideoVDP
(a standard display of 1920x1080) by a Python that has `cvvdp`. A BD-rate (PCHIP)
for each image and judge, over scores of 30 to 95 by SSIMULACRA 2; then over ranges of it: the limits of a range by
another judge are what it says of the anchor there. In brackets the share of images on which both curves reach into the
range by half. Rows go into the file; the command adds what is missing, judges too; a later row takes the place of an
earlier one. CPU seconds a megapixel are the encoder's.
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import cache, partial
from pathlib import Path

import mozjpeg_lossless_optimization as mozjpeg
import numpy as np
import torch
from imgredux_jndjpeg.fit import butteraugli
from PIL import Image
from scipy.interpolate import PchipInterpolator

import imgredux
from imgredux.datasets import folder
from imgredux.evaluate.bd_rate import axis, rising
from imgredux.io import images
from imgredux.methods.codec import Codec
from imgredux.methods.filecodec import as_written
from imgredux.metrics import ms_ssim, psnr_hvs
from tests.benchmarks.second_opinion import theirs

ANCHOR = "Pillow 4:4:4"
RANGES = {"30-95": (30.0, 95.0), "50-65": (50.0, 65.0), "70-85": (70.0, 85.0), "88-95": (88.0, 95.0)}
QUALITIES = (20, 30, 40, 50, 60, 70, 78, 84, 89, 93, 96)
DISTANCES = (9.0, 6.5, 5.0, 3.8, 3.0, 2.3, 1.8, 1.4, 1.0, 0.75, 0.5, 0.35)
Encoder = Callable[[Image.Image, float], bytes]


def by_codec(codec: Codec, keyword: str, image: Image.Image, value: float) -> bytes:
    return codec.encode(image, **{keyword: value})


def with_scans(codec: Codec, image: Image.Image, value: float) -> bytes:
    return mozjpeg.optimize(codec.encode(image, quality=value), copy=mozjpeg.COPY_MARKERS.ALL)


def by_program(command: list[str], image: Image.Image, value: float) -> bytes:
    """Of a program that takes a PPM. `{q}`, `{d}`, `{in}` and `{out}` in its arguments are filled in."""
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place, "in.ppm"), Path(place, "out.jpg")
        image.convert("RGB").save(source)
        fields = {"q": f"{value:g}", "in": str(source), "out": str(target)}
        subprocess.run([part.format(**fields) for part in command], check=True, capture_output=True)
        return target.read_bytes()


def encoders(chosen: argparse.Namespace) -> dict[str, tuple[Encoder, tuple[float, ...]]]:
    plain, half, ours = (imgredux.get(name) for name in ("jpeg444", "jpeg420", "jndjpeg"))
    assert isinstance(plain, Codec)
    assert isinstance(half, Codec)
    assert isinstance(ours, Codec)
    found: dict[str, tuple[Encoder, tuple[float, ...]]] = {
        ANCHOR: (partial(by_codec, plain, "quality"), QUALITIES),
        "Pillow 4:4:4, scans optimised": (partial(with_scans, plain), QUALITIES),
        "Pillow 4:2:0, scans optimised": (partial(with_scans, half), QUALITIES),
        "jndjpeg": (partial(by_codec, ours, "distance"), DISTANCES),
    }
    if chosen.cjpegli:
        for name, sampling in (("jpegli 4:4:4", "444"), ("jpegli 4:2:0", "420")):
            options = [f"--chroma_subsampling={sampling}", "-p", "2", "--quiet"]
            command = [chosen.cjpegli, "{in}", "{out}", "-d", "{q}", *options]
            found[name] = (partial(by_program, command), DISTANCES)
    if chosen.mozjpeg:
        for name, sampling in (("mozjpeg 4:2:0", "2x2"), ("mozjpeg 4:4:4", "1x1")):
            command = [chosen.mozjpeg, "-quality", "{q}", "-sample", sampling, "-outfile", "{out}", "{in}"]
            found[name] = (partial(by_program, command), QUALITIES)
    return found


def judges(chosen: argparse.Namespace) -> list[str]:
    asked = (("butteraugli", chosen.butteraugli), ("cvvdp", chosen.cvvdp))
    return ["ssimulacra2", *(name for name, program in asked if program), "psnr_hvs", "ms_ssim"]


def judged(data: bytes, image: Image.Image, chosen: argparse.Namespace, wanted: Collection[str]) -> dict[str, float]:
    with Image.open(io.BytesIO(data)) as opened:
        again = opened.convert("RGB")
    y, x = images.to_tensor(again), images.to_tensor(image)
    of: dict[str, Callable[[], float]] = {
        "psnr_hvs": lambda: psnr_hvs(y, x).item(),
        "ms_ssim": lambda: axis("ms_ssim", ms_ssim(y, x).item()),
        "ssimulacra2": lambda: theirs(chosen.ssimulacra2, y, x),
        "butteraugli": lambda: butteraugli(np.asarray(again), np.asarray(image), chosen.butteraugli),
        "cvvdp": lambda: cvvdp(again, image, chosen.cvvdp),
    }
    return {name: of[name]() for name in wanted}


SERVER = """
import sys, torch, numpy, pycvvdp
from PIL import Image
torch.set_num_threads(1)
metric = pycvvdp.cvvdp(display_name="standard_fhd", heatmap=None)
for line in sys.stdin:
    y, x = (numpy.asarray(Image.open(path)) for path in line.split())
    print("JOD", float(metric.predict(y, x, dim_order="HWC")[0]), flush=True)
"""


@cache
def server(python: str) -> subprocess.Popen[str]:
    command = [python, "-c", SERVER]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def cvvdp(image: Image.Image, reference: Image.Image, python: str) -> float:
    """ColorVideoVDP in JOD, 10 for equal images; of a process that goes on."""
    process = server(python)
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{name}.ppm") for name in "yx"]
        for path, one in zip(paths, (image, reference), strict=True):
            one.save(path)
        print(*paths, file=process.stdin, flush=True)
        for line in process.stdout:
            if line.startswith("JOD"):
                return float(line.split()[1])
    raise SystemExit(f"{python} has no cvvdp")


def cpu() -> float:
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


@torch.no_grad()
def measure(chosen: argparse.Namespace) -> list[dict]:
    rows = [json.loads(line) for line in chosen.output.read_text().splitlines()] if chosen.output.exists() else []
    there = {(row["set"], row["image"], row["encoder"], row["value"]): row for row in rows}
    with chosen.output.open("a") as file:
        for place in chosen.data:
            for item in folder(place).items[: chosen.limit]:
                image = as_written(item.path).convert("RGB")
                for name, (encode, values) in encoders(chosen).items():
                    for value in values:
                        before = there.get((Path(place).name, item.stem, name, value), {})
                        wanted = [judge for judge in judges(chosen) if judge not in before]
                        if not wanted:
                            continue
                        began = cpu()
                        data = encode(image, value)
                        seconds = (cpu() - began) / (image.width * image.height / 1e6)
                        row = {"set": Path(place).name, "image": item.stem, "encoder": name, "value": value}
                        row |= {"bytes": len(data), "seconds": round(seconds, 4)}
                        if before and before["bytes"] != len(data):
                            raise SystemExit(f"{row}: the encoder has changed: remove its rows")
                        row |= {**before, **judged(data, image, chosen, wanted)}
                        there[row["set"], row["image"], name, value] = row
                        file.write(json.dumps(row) + "\n")
                        file.flush()
    return [*there.values()]


def savings(rows: list[dict], judge: str, limits: tuple[float, float]) -> Iterator[tuple[str, str, float]]:
    """For each encoder and image the BD-rate in percent, where the curves reach into half of the range."""
    curves: defaultdict[tuple[str, str], dict[str, list[tuple[float, float, float]]]] = defaultdict(dict)
    for row in rows:
        point = row["bytes"], row[judge], row["ssimulacra2"]
        curves[row["set"], row["image"]].setdefault(row["encoder"], []).append(point)
    for (_, image), found in curves.items():
        anchor = sorted(found[ANCHOR])
        scores = rising([(size, score) for size, _, score in anchor])
        values = rising([(size, value) for size, value, _ in anchor])
        sizes = PchipInterpolator([s for _, s in scores], np.log([b for b, _ in scores]), extrapolate=False)
        ends = [min(max(end, scores[0][1]), scores[-1][1]) for end in limits]
        said = PchipInterpolator(np.log([b for b, _ in values]), [v for _, v in values], extrapolate=True)
        low, high = (float(said(sizes(end))) for end in ends)
        for name, points in found.items():
            own = rising([(size, value) for size, value, _ in points])
            if len(own) < 4 or len(values) < 4:
                continue
            start, stop = max(low, own[0][1], values[0][1]), min(high, own[-1][1], values[-1][1])
            if stop - start < 0.5 * (high - low) or stop <= start:
                continue
            grid = np.linspace(start, stop, 50)
            both = [PchipInterpolator([v for _, v in one], np.log([b for b, _ in one]))(grid) for one in (own, values)]
            yield name, image, 100 * float(np.exp((both[0] - both[1]).mean()) - 1)


def show(rows: list[dict]) -> None:
    names = list(dict.fromkeys(row["encoder"] for row in rows))
    count = len({(row["set"], row["image"]) for row in rows})
    names_of = ("ssimulacra2", "butteraugli", "cvvdp", "psnr_hvs", "ms_ssim")
    columns = [(judge, range_) for judge in names_of if all(judge in row for row in rows) for range_ in RANGES]
    print(f"| {count} images | {' | '.join(f'{judge} {range_}' for judge, range_ in columns)} | CPU s/MP |")
    print("|" + "---|" * (len(columns) + 2))
    for name in names:
        cells = []
        for judge, range_ in columns:
            found = [percent for one, _, percent in savings(rows, judge, RANGES[range_]) if one == name]
            share = f" ({100 * len(found) / count:.0f} %)" if len(found) < count else ""
            cells.append(f"{statistics.fmean(found):+.1f}{share}" if found else "none")
        seconds = statistics.fmean(row["seconds"] for row in rows if row["encoder"] == name)
        print(f"| {name} | {' | '.join(cells)} | {seconds:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.jpeg_peers")
    parser.add_argument("--data", action="append", required=True, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--ssimulacra2", required=True, metavar="PROGRAM", help="of its authors")
    parser.add_argument("--butteraugli", metavar="PROGRAM")
    parser.add_argument("--cvvdp", metavar="PYTHON", help="one that has the package cvvdp")
    parser.add_argument("--cjpegli", metavar="PROGRAM")
    parser.add_argument("--mozjpeg", metavar="PROGRAM", help="its cjpeg")
    parser.add_argument("--limit", type=int, help="only the first images of each folder")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    show(measure(chosen))


if __name__ == "__main__":
    main()
