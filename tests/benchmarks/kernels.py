"""Hot loops in native code beside the tensors and the peers, in one run: CPU seconds of one thread, peak memory. Linux.

    python -m tests.benchmarks.kernels [--ssimulacra2 PROGRAM] [--rounds 5] [--megapixels 12]

A photograph of scikit-image, enlarged, and four copies of it side by side at its own size, whose
contents are as dense as a photograph's. The program: SSIMULACRA 2 of its authors (see `second_opinion`), with what it
takes to read two uncompressed PNG. Each round runs every row once; the fastest counts.
"""

import argparse
import importlib
import io
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from skimage import data

import imgredux
from imgredux.io import images
from imgredux.methods.filecodec import FileCodec
from tests.benchmarks.memory import peak

module = importlib.import_module("imgredux.metrics.ssimulacra2")  # its function bears the same name
WIDE = ("avx512f", "avx512_bf16", "amx_bf16")


def cpu() -> float:
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def machine() -> str:
    text = Path("/proc/cpuinfo").read_text()
    name = next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    flags = next(line for line in text.splitlines() if line.startswith("flags")).split()
    return f"{name}, {', '.join(flag for flag in WIDE if flag in flags) or 'AVX2 at most'}"


def photographs(megapixels: float) -> dict[str, Image.Image]:
    width, height = (round(side * (megapixels / 12) ** 0.5) for side in (4000, 3000))
    photograph = Image.fromarray(data.stereo_motorcycle()[0])
    times = -(-height // photograph.height), -(-width // photograph.width), 1
    tiled = Image.fromarray(np.tile(np.asarray(photograph), times)[:height, :width])
    return {"enlarged": photograph.resize((width, height), Image.Resampling.LANCZOS), "tiled": tiled}


def score_rows(image: Image.Image, folder: Path, program: str | None) -> dict[str, Callable[[], object]]:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    with Image.open(file) as opened:
        changed = opened.convert("RGB")
    arrays = np.asarray(changed), np.asarray(image)
    y, x = (images.to_tensor(one) for one in (changed, image))
    paths = [folder / "x.png", folder / "y.png"]
    for path, one in zip(paths, (image, changed), strict=True):
        one.save(path, compress_level=0)
    rows: dict[str, Callable[[], object]] = {
        "8 bits, compiled": lambda: module.of_bytes(*arrays),
        "float32, compiled": lambda: module.ssimulacra2(y, x).item(),
        "float32, tensors": lambda: tensors(y, x),
    }
    if program:
        rows["its authors' program"] = lambda: subprocess.run(
            [program, *map(str, paths)], check=True, capture_output=True
        )
    return rows


def tensors(y: torch.Tensor, x: torch.Tensor) -> float:
    with mock.patch("imgredux.kernels.compiled", return_value=None):
        return module.ssimulacra2(y, x).item()


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kernels")
    parser.add_argument("--ssimulacra2", metavar="PROGRAM")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megapixels", type=float, default=12)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    codec = imgredux.get("jndjpeg")
    assert isinstance(codec, FileCodec)
    print(f"{machine()}\n\n| {chosen.megapixels:g} megapixels | Mpixel/s | MiB |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for name, image in photographs(chosen.megapixels).items():
            rows = {
                f"SSIMULACRA 2, {what}": run for what, run in score_rows(image, Path(place), chosen.ssimulacra2).items()
            }
            for distance in (1.0, 3.0):
                rows[f"jndjpeg, distance {distance:g}"] = lambda d=distance, image=image: codec.writer(image)(
                    distance=d
                )
            rows["Pillow 4:4:4, progressive"] = lambda image=image: image.save(
                io.BytesIO(), "JPEG", quality=90, subsampling="4:4:4", optimize=True, progressive=True
            )
            best = dict.fromkeys(rows, float("inf"))
            for _ in range(chosen.rounds):
                for what, run in rows.items():
                    began = cpu()
                    run()
                    best[what] = min(best[what], cpu() - began)
            for what, run in rows.items():
                taken = "" if "program" in what else f"{peak(run):.0f}"
                print(f"| {what}, {name} | {image.width * image.height / 1e6 / best[what]:.1f} | {taken} |", flush=True)


if __name__ == "__main__":
    main()
