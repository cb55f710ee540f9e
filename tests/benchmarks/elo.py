"""What each judge makes of people's Elo: 31 settings of three JPEG encoders in `mucped23`, and where jndjpeg would be.

    python -m tests.benchmarks.elo -o elo.jsonl --ssimulacra2 PROGRAM --cjpegli PROGRAM --mozjpeg PROGRAM \
        --butteraugli butteraugli_main [--cvvdp PYTHON] [--limit 16]

People compared the settings on 49 images of CID22's validation set; 41 of them are at hand. Of each judge: Spearman's
correlation of its mean over the images with Elo, and what is left of Elo about a cubic through the 31 points (rms).
Then the bits that jndjpeg needs, by each judge's word, for the Elo that jpegli and libjpeg have at theirs. Rows go
into the file; the command adds what is missing.
"""

import argparse
import csv
import io
import json
import re
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.interpolate import PchipInterpolator
from scipy.stats import spearmanr

import imgredux
from imgredux.datasets import folder
from imgredux.methods.codec import Codec
from imgredux.methods.filecodec import as_written
from imgredux.testing.shared import shared
from tests.benchmarks.jpeg_peers import by_codec, by_program, judged, judges

DISTANCES = (0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 2.8, 3.5)
OURS = "jndjpeg"
FACTORS = {"420": "2x2", "422": "2x1", "444": "1x1"}  # as mozjpeg names them
LIMITS = ("jpegli 444", "libjpeg-turbo 444")


def encoded(setting: str, image: Image.Image, chosen: argparse.Namespace) -> bytes:
    found = re.fullmatch(r"(.+)-q(\d+)-yuv(\d+)", setting)
    if found is None:
        codec = imgredux.get(OURS)
        assert isinstance(codec, Codec)
        return by_codec(codec, "distance", image, float(setting.removeprefix(f"{OURS}-d")))
    encoder, quality, sampling = found[1], int(found[2]), found[3]
    if encoder == "libjpeg-turbo":
        with io.BytesIO() as file:
            image.save(file, "JPEG", quality=quality, subsampling=":".join(sampling), optimize=True, progressive=True)
            return file.getvalue()
    if encoder == "jpegli":
        options = [f"--chroma_subsampling={sampling}", "-p", "2", "--quiet"]
        return by_program([chosen.cjpegli, "{in}", "{out}", "-q", "{q}", *options], image, quality)
    command = [chosen.mozjpeg, "-quality", "{q}", "-sample", FACTORS[sampling], "-outfile", "{out}", "{in}"]
    return by_program(command, image, quality)


@torch.no_grad()
def measure(settings: list[str], chosen: argparse.Namespace) -> list[dict]:
    rows = [json.loads(line) for line in chosen.output.read_text().splitlines()] if chosen.output.exists() else []
    there = {(row["image"], row["setting"]) for row in rows}
    with chosen.output.open("a") as file:
        for item in folder(shared("data/test/cid22")).items[: chosen.limit]:
            image = as_written(item.path).convert("RGB")
            for setting in settings:
                if (item.stem, setting) not in there:
                    data = encoded(setting, image, chosen)
                    row = {"image": item.stem, "setting": setting, "bpp": 8 * len(data) / (image.width * image.height)}
                    rows.append(row | judged(data, image, chosen, judges(chosen)))
                    file.write(json.dumps(rows[-1]) + "\n")
                    file.flush()
    return rows


def show(rows: list[dict], elo: dict[str, float]) -> None:
    grouped: defaultdict[str, list[dict]] = defaultdict(list)
    for row in rows:
        grouped[row["setting"]].append(row)
    keys = [key for key in rows[0] if key not in ("image", "setting")]
    means = {
        setting: {key: float(np.mean([row[key] for row in found])) for key in keys}
        for setting, found in grouped.items()
    }
    count = len({row["image"] for row in rows})
    ours = [means[f"{OURS}-d{d:g}"] for d in DISTANCES]
    print(f"| {count} images | Spearman | rms, Elo | {' | '.join(f'bits against {one}' for one in LIMITS)} |")
    print("|---|---|---|---|---|")
    for judge in keys[1:]:
        x, y = np.array([(means[setting][judge], value) for setting, value in elo.items()]).T
        said = np.polynomial.Polynomial.fit(x, y, 3)
        rms = float(np.sqrt(np.mean((said(x) - y) ** 2)))
        own = sorted((float(said(one[judge])), one["bpp"]) for one in ours)
        cells = []
        for limit in LIMITS:
            encoder, _, sampling = limit.rpartition(" ")
            names = [name for name in elo if name.startswith(encoder) and name.endswith(sampling)]
            cells.append(saving(own, sorted((elo[name], means[name]["bpp"]) for name in names)))
        print(f"| {judge} | {spearmanr(x, y).statistic:.3f} | {rms:.0f} | {' | '.join(cells)} |")


def saving(own: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> str:
    """Mean difference of bits at equal Elo, in percent, and from which Elo to which."""
    low, high = max(own[0][0], theirs[0][0]), min(own[-1][0], theirs[-1][0])
    if high <= low:
        return "none"
    grid = np.linspace(low, high, 50)
    if len(theirs) == 2:
        interpolate = partial(np.interp, grid)
        bits = [PchipInterpolator(*zip(*own, strict=True))(grid), interpolate(*zip(*theirs, strict=True))]
    else:
        bits = [PchipInterpolator(*zip(*one, strict=True))(grid) for one in (own, theirs)]
    return f"{100 * float(np.exp(np.log(bits[0] / bits[1]).mean()) - 1):+.1f} % (Elo {low:.0f} to {high:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.elo")
    parser.add_argument("-o", "--output", type=Path, required=True)
    for name in ("ssimulacra2", "cjpegli", "mozjpeg", "butteraugli"):
        parser.add_argument(f"--{name}", required=True, metavar="PROGRAM")
    parser.add_argument("--cvvdp", metavar="PYTHON", help="one that has the package cvvdp")
    parser.add_argument("--limit", type=int, help="only the first images")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with (shared("data/jnd/mucped23") / "elo.csv").open(newline="") as file:
        elo = {row["method"]: float(row["elo"]) for row in csv.DictReader(file)}
    show(measure([*elo, *(f"{OURS}-d{d:g}" for d in DISTANCES)], chosen), elo)


if __name__ == "__main__":
    main()
