"""Memory of `jndjpeg` beyond the picture, each row in a process of its own. Linux.

    python -m tests.benchmarks.jndjpeg_memory [MEGAPIXELS...]

A photograph of scikit-image, side by side until it has so many megapixels, at the density of a photograph.
"""

import argparse
import subprocess
import sys

ROW = """
import sys
import numpy as np
import torch
from PIL import Image
from skimage import data
import imgredux
from tests.benchmarks.memory import peak

megapixels, subsampling = float(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
photograph, codec = data.stereo_motorcycle()[0], imgredux.get("jndjpeg")
codec.encode(photograph[:64, :64])  # what is loaded on first use
width, height = (round(side * (megapixels / 12) ** 0.5) for side in (4000, 3000))
times = -(-height // photograph.shape[0]), -(-width // photograph.shape[1]), 1
image = Image.fromarray(np.tile(photograph, times)[:height, :width])
print(f"| {megapixels:g} | {subsampling} | {peak(lambda: codec.writer(image)(subsampling=subsampling)):.0f} |")
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.jndjpeg_memory")
    parser.add_argument("megapixels", type=float, nargs="*", default=[12, 64])
    print("| megapixels | subsampling | MiB |\n|---|---|---|", flush=True)
    for megapixels in parser.parse_args().megapixels:
        for subsampling in ("4:4:4", "4:2:0"):
            subprocess.run([sys.executable, "-c", ROW, str(megapixels), subsampling], check=True)


if __name__ == "__main__":
    main()
