"""How the factor that makes a map's 1.0 one JOD changes with the display and the distance.

    python -m tests.campaigns.viewing DIR [--limit 8] [--methods localstd wu2017 ...]

For each map and the middle 256x256 pixels of each image: phi at 9.0 JOD of ColorVideoVDP at each condition over phi at
37.8 pixels per degree and 200 cd/m2. Geometric means over the images, a row for each map; then over all maps, with
the spread between maps and images as a factor. These means are `imgredux.methods.viewing`'s tables.
"""

import argparse
import math
import statistics
from collections import defaultdict
from functools import partial
from pathlib import Path

import torch
from imgredux_cvvdp.metric import STANDARD_FHD, cvvdp
from imgredux_cvvdp.visibility import at_quality

import imgredux
from imgredux.io.finding import find_images
from imgredux.io.images import to_tensor
from imgredux.methods.viewing import BY_PEAK, BY_PPD, REFERENCE

SIDE = 256
LEVEL = 9.0
METHODS = ("chou1995", "wei2009", "wu2017", "localstd", "jiang2024", "ddjnd.hiding")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    chosen = parser.parse_args()
    ppds = [(ppd, REFERENCE.peak) for ppd in BY_PPD]
    peaks = [(REFERENCE.ppd, peak) for peak in BY_PEAK if peak != REFERENCE.peak]
    conditions = [*ppds, *peaks]
    files = find_images([chosen.images])
    files = files[:: max(len(files) // chosen.limit, 1)][: chosen.limit]
    found: dict[str, dict[tuple[float, float], list[float]]] = defaultdict(lambda: defaultdict(list))
    for name in chosen.methods:
        estimator = imgredux.get(name)
        for file in files:
            whole = to_tensor(file)
            top, left = ((side - SIDE) // 2 for side in whole.shape[-2:])
            image = whole[..., top : top + SIDE, left : left + SIDE].contiguous()
            with torch.no_grad():
                jnd = estimator(image)
            phi = {}
            for ppd, peak in conditions:
                display = STANDARD_FHD._replace(ppd=ppd, peak=peak)
                phi[ppd, peak] = at_quality(image, jnd, LEVEL, judge=partial(cvvdp, display=display)).phi
            for condition in conditions:
                found[name][condition].append(math.log2(phi[condition] / phi[REFERENCE.ppd, REFERENCE.peak]))
    heads = [f"{ppd:g} ppd" if peak == REFERENCE.peak else f"{peak:g} cd/m2" for ppd, peak in conditions]
    print(f"| map | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, by_condition in found.items():
        print(f"| `{name}` | {' | '.join(f'{2 ** statistics.mean(by_condition[c]):.3f}' for c in conditions)} |")
    everything = {c: [value for one in found.values() for value in one[c]] for c in conditions}
    print(f"| all | {' | '.join(f'{2 ** statistics.mean(everything[c]):.3f}' for c in conditions)} |")
    print(f"| spread | {' | '.join(f'x{2 ** statistics.stdev(everything[c]):.2f}' for c in conditions)} |")


if __name__ == "__main__":
    main()
