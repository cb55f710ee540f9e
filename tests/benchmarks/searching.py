"""The search by the mosaic against the search on the whole image: bytes, CPU seconds of one thread, peak memory.

    python -m tests.benchmarks.searching PHOTO... [--target side-by-side] [--enlarge 12] [--whole]

A large image by its mosaic, and with --whole by the search that small images get, which tries every candidate at full
size. enlarge: images are enlarged to so many megapixels (Lanczos); they are named as such in the table. Linux.
"""

import argparse
import time
from pathlib import Path

from imgredux_jndsearch import method as search
from PIL import Image

import imgredux
from imgredux.io import decoding
from tests.benchmarks.memory import peak


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.searching")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--target", default="side-by-side")
    parser.add_argument("--formats", nargs="+", help="as jpeg webp; all that are at hand by default")
    parser.add_argument("--enlarge", type=float, metavar="MEGAPIXELS")
    parser.add_argument("--whole", action="store_true")
    chosen = parser.parse_args()
    codec = imgredux.create("jndsearch", formats=chosen.formats).eval()
    assert isinstance(codec, search.JndSearch)
    codec.search(Image.new("RGB", (64, 64)), chosen.target)  # what is loaded on first use
    print("| image | search | codec | bytes | score | CPU s | MiB |\n|---|---|---|---|---|---|---|")
    for path in chosen.photos:
        image = decoding.open_image(path).convert("RGB")
        name = f"{path.stem[-12:]} {image.width}x{image.height}"
        if chosen.enlarge:
            scale = (chosen.enlarge * 1e6 / (image.width * image.height)) ** 0.5
            size = round(image.width * scale), round(image.height * scale)
            image, name = image.resize(size, Image.Resampling.LANCZOS), f"{name}, enlarged to {size[0]}x{size[1]}"
        for how, large in (("mosaic", search.LARGE), *([("whole", 2**62)] if chosen.whole else [])):
            before, search.LARGE = search.LARGE, large
            found: list[search.Found] = []
            began = time.process_time()
            taken = peak(lambda image=image, found=found: found.append(codec.search(image, chosen.target)))
            seconds, search.LARGE = time.process_time() - began, before
            one = found[0]
            row = (name, how, one.codec, len(one.data), f"{one.score:.2f}", f"{seconds:.1f}", f"{taken:.0f}")
            print("|", " | ".join(map(str, row)), "|", flush=True)


if __name__ == "__main__":
    main()
