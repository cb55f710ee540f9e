"""Rows of `jnd-visibility` over all their images, by level; and the factor that makes a map's 1.0 one JOD.

    python -m tests.campaigns.visibility ROWS.jsonl [--against ddjnd.hiding] [--scale]

--scale: for each method the geometric mean of phi at 9.0 JOD, and the spread between images as a factor.
"""

import argparse
import math
import statistics
from collections import defaultdict
from pathlib import Path

from imgredux.evaluate import read_rows
from imgredux.evaluate.summary import label

SHOWN = {"hidden": 3, "noise": 2, "on_edges": 2, "local": 1, "ssimulacra2": 1, "butteraugli_3norm": 2, "reached": 2}
ONE_JOD = 9.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path)
    parser.add_argument("--against", default="ddjnd.hiding")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--without", nargs="*", default=[], help="data sets that are left out")
    chosen = parser.parse_args()
    found: dict[float, dict[str, dict]] = defaultdict(lambda: defaultdict(dict))
    for row in read_rows(chosen.rows):
        if row["dataset"] not in chosen.without:
            found[row["level"]][label(row["method"], row["weights"])][row["dataset"], row["image"]] = row["values"]
    if chosen.scale:
        print("| method | phi at 9.0 JOD | spread | n |\n|---|---|---|---|")
        for name, images in sorted(found[ONE_JOD].items()):
            logs = [math.log2(values["phi"]) for values in images.values() if values["phi"]]
            spread = 2 ** (statistics.stdev(logs) if len(logs) > 1 else 0)
            print(f"| `{name}` | {2 ** statistics.mean(logs):.4g} | x{spread:.2f} | {len(logs)} |")
        return
    for level, methods in sorted(found.items(), reverse=True):
        print(f"\n{level:g} JOD\n")
        columns = [name for name in SHOWN if all(name in values for v in methods.values() for values in v.values())]
        print(f"| map | {' | '.join(columns)} | bits ahead of {chosen.against} | dB ahead | n |")
        print("|---|" + "---|" * (len(columns) + 3))
        first = methods[chosen.against]
        for name in sorted(methods, key=lambda name: -_mean(methods[name], "hidden")):
            images = methods[name]
            cells = [f"{_mean(images, column):.{SHOWN[column]}f}" for column in columns]
            ahead = [_paired(images, first, column) for column in ("hidden", "noise")]
            print(f"| `{name}` | {' | '.join(cells)} | {' | '.join(ahead)} | {len(images)} |")


def _mean(images: dict, column: str) -> float:
    return statistics.mean(values[column] for values in images.values() if values[column] is not None)


def _paired(images: dict, first: dict, column: str) -> str:
    both = [key for key in images if key in first and None not in (images[key][column], first[key][column])]
    apart = [images[key][column] - first[key][column] for key in both]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else 0.0
    return f"{statistics.mean(apart):+.2f} ±{error:.2f}"


if __name__ == "__main__":
    main()
