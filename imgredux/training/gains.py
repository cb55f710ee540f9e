"""What restorers gain at each JPEG quality, on held-out training images: the text for `gains` in a manifest or Spec.

    python -m imgredux.training.gains slidingdct arcnn.blind arcnn=runs/q10/q10.safetensors --images photos/

prints, for each, the mean gain in dB of PSNR over the JPEG itself, on the middles of the images that `imgredux train`
holds out of these folders: "y" for greyscale files, "rgb" for colour with 4:2:0 chroma. With --graphics all images of
the folders count, and the keys are "graphics-y" and "graphics-rgb".
"""

import argparse
from collections.abc import Sequence

import torch

from imgredux import ops, registry
from imgredux.methods.base import Method
from imgredux.training.crops import Images, find_by_folder, load, split
from imgredux.training.recipe import rgb_planes
from imgredux.training.restoration import psnr_change

QUALITIES = (5, 10, 20, 30, 40, 60, 80, 90, 95)


@torch.no_grad()
def gain(method: Method, images: Images, quality: int, color: bool) -> float:
    """Mean gain in dB at one quality, the result rounded to 8 bits, the steps known as they are from a file."""
    gains: list[float] = []
    steps = ops.ijg_tables(quality)[None]
    for planes in images.middles():
        clean = planes.float().div(255)
        clean = clean if color else ops.luma(clean).mul(255).round().div(255)
        before, after = psnr_change(method, clean, quality, qtable=steps)
        change = after - before
        gains += change[change.isfinite()].tolist()  # a flat image may survive JPEG whole
    return sum(gains) / len(gains)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m imgredux.training.gains", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("methods", nargs="+", metavar="NAME[.TAG]|NAME=FILE")
    parser.add_argument("--images", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--graphics", action="store_true", help="the images are screenshots, text and drawings")
    chosen = parser.parse_args(arguments)
    trained, held = split(find_by_folder(chosen.images))
    held = [*trained, *held] if chosen.graphics else held
    prefix = "graphics-" if chosen.graphics else ""
    images = load(held, rgb_planes, 16)
    for name in chosen.methods:
        base, _, file = name.partition("=")
        method = registry.get(base, weights=file or None)
        print(f"# {name}, {len(images)} images")
        for label, color in (("y", False), ("rgb", True)):
            table = {quality: round(gain(method, images, quality, color), 3) for quality in QUALITIES}
            figures = ", ".join(f"{quality} = {value}" for quality, value in table.items())
            print(f"{prefix}{label} = {{ {figures} }}", flush=True)


if __name__ == "__main__":
    main()
