"""Bytes that an encoder takes for equal quality, with QP offsets of our maps, with its own, and with none.

    python -m tests.campaigns.roi --ffmpeg FFMPEG --data DIR... [--count 8] [--methods NAME...] [-o rows.csv]

Every image as one frame of 4:2:0, at five CRFs, by libx264 and libx265 (preset medium). none: a QP for all blocks. own:
the encoder's adaptive quantization as it ships. The others: `imgredux maps qp`, its strength as given. What counts is
the BD-rate to `none` at equal ColorVideoVDP (37.8 pixels per degree) and equal butteraugli 3-norm, mean over images.
"""

import argparse
import csv
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import imgredux
from imgredux import registry
from imgredux.evaluate.bd_rate import saving
from imgredux.io.finding import find_images
from imgredux.maps.qp import qp_offsets, roi_text

BLOCK = 16
CRFS = {"libx264": (17, 21, 25, 29, 33), "libx265": (17, 21, 25, 29, 33)}
OFF = {"libx264": "aq-mode=0", "libx265": "aq-mode=0:log-level=error"}
OWN = {"libx264": "", "libx265": "log-level=error"}
GIVEN = {"libx264": "aq-mode=1:aq-strength=0", "libx265": "aq-mode=1:aq-strength=0:qg-size=16:log-level=error"}
PARAMS = {"libx264": "-x264-params", "libx265": "-x265-params"}
JUDGES = ["cvvdp_fhd", "butteraugli_3norm"]


def coded(ffmpeg: str, file: Path, codec: str, crf: int, mode: str, script: str) -> tuple[int, Tensor]:
    """Bytes of the frame, and what it decodes to."""
    with tempfile.TemporaryDirectory() as folder:
        stream, filters = Path(folder) / "frame.mkv", Path(folder) / "roi.txt"
        filters.write_text(script, "ascii")
        params = {"none": OFF, "own": OWN}.get(mode, GIVEN)[codec]
        quiet = [ffmpeg, "-v", "error", "-y"]
        command = [*quiet, "-i", str(file), *(["-/filter:v", str(filters)] if script else []), "-frames:v", "1"]
        command += ["-pix_fmt", "yuv420p", "-c:v", codec, "-crf", str(crf)]
        command += [PARAMS[codec], params] if params else []
        subprocess.run([*command, str(stream)], check=True, capture_output=True)
        raw = Path(folder) / "frame.bin"
        subprocess.run([*quiet, "-i", str(stream), "-c", "copy", "-f", "data", "-map", "0:v", str(raw)], check=True)
        shown = Path(folder) / "frame.png"
        subprocess.run([*quiet, "-i", str(stream), "-pix_fmt", "rgb24", str(shown)], check=True, capture_output=True)
        return raw.stat().st_size, _tensor(shown)


def _tensor(file: Path) -> Tensor:
    with Image.open(file) as image:
        return torch.from_numpy(np.array(image.convert("RGB"))).movedim(2, 0)[None] / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ffmpeg", required=True)
    parser.add_argument("--data", nargs="+", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=["ddjnd.hiding"])
    parser.add_argument("--strengths", nargs="+", type=float, default=[0.35])
    parser.add_argument("--codecs", nargs="+", default=["libx264", "libx265"])
    parser.add_argument("--judges", nargs="+", default=JUDGES)
    parser.add_argument("-o", type=Path)
    chosen = parser.parse_args()
    judges = {name: registry.metric(name) for name in chosen.judges}
    modes = ["none", "own", *(f"{name} {strength:g}" for name in chosen.methods for strength in chosen.strengths)]
    rows = []
    for folder in chosen.data:
        files = find_images([folder])
        for file in files[:: max(len(files) // chosen.count, 1)][: chosen.count]:
            reference = _tensor(file)
            size = reference.shape[-1], reference.shape[-2]
            scripts = {"none": "", "own": ""}
            for name in chosen.methods:
                jnd = imgredux.get(name)(file)
                for strength in chosen.strengths:
                    offsets = qp_offsets(jnd, BLOCK, strength)
                    scripts[f"{name} {strength:g}"] = roi_text(offsets, BLOCK, size, "x265")
            for codec in chosen.codecs:
                for mode in modes:
                    for crf in CRFS[codec]:
                        size_, image = coded(chosen.ffmpeg, file, codec, crf, mode, scripts[mode])
                        scores = [judge.function(image, reference).item() for judge in judges.values()]
                        rows.append([folder.name, file.stem, codec, mode, crf, size_, *scores])
            print(file.stem, flush=True)
            if chosen.o:
                with chosen.o.open("w", newline="") as out:
                    csv.writer(out).writerows(
                        [["data", "image", "codec", "mode", "crf", "bytes", *chosen.judges], *rows]
                    )
    report(rows, modes, chosen.codecs, chosen.judges)


def report(rows: list[list], modes: list[str], codecs: list[str], judges: list[str]) -> None:
    """BD-rates to `none`, per cent with their standard errors."""
    print(f"| data | encoder | judge | {' | '.join(modes[1:])} |\n|---|---|---|{'---|' * (len(modes) - 1)}")
    for data in dict.fromkeys(row[0] for row in rows):
        for codec in codecs:
            for place, judge in enumerate(judges):
                found: dict[str, list[float]] = {mode: [] for mode in modes[1:]}
                for image in dict.fromkeys(row[1] for row in rows if row[0] == data):
                    curves = {}
                    for mode in modes:
                        mine = sorted((r[5], r[6 + place]) for r in rows if r[:4] == [data, image, codec, mode])
                        sign = -1 if judge.startswith("butteraugli") else 1
                        curves[mode] = [(float(size), sign * score) for size, score in mine]
                    for mode in modes[1:]:
                        found[mode].append(saving(curves["none"], curves[mode]).percent)
                cells = [
                    f"{np.mean(v):+.1f} ±{np.std(v, ddof=1) / len(v) ** 0.5:.1f}" if len(v) > 1 else f"{v[0]:+.1f}"
                    for v in found.values()
                ]
                print(f"| {data} | {codec} | {judge} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
