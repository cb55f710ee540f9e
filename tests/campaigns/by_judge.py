"""Rows of `jnd-equal-mse` by every judge: means over all images, and what one map is ahead of the others.

    python -m tests.campaigns.by_judge ROWS.jsonl... [--against NAME] [--without NAME...] [--data NAME...]

For each level, and for all levels together, a table: for each map and judge the mean and its standard error over images
(of the mean over levels, where they are together). Below it, map by map, how much better `--against` is on the same
images, and its standard error: positive is better, whatever the judge's direction. An image counts where all maps have
it. What the rows took is summed up at the end.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from imgredux import registry
from imgredux.evaluate import read_rows
from imgredux.evaluate.summary import label

SHARE = "on_edges"  # what is no judge
JUDGES = {
    "ssimulacra2": 2,
    "cvvdp_fhd": 3,
    "cvvdp": 3,
    "butteraugli_3norm": 3,
    "psnr_hvs_m": 2,
    "ssim": 4,
    "lpips": 4,
    SHARE: 3,
}
Key = tuple[str, str]  # data set and image
Found = dict[str, dict[Key, dict[str, float]]]  # by map and image: judge to value


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--against", default="ddjnd.hiding")
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--data", nargs="*", help="these data sets alone")
    chosen = parser.parse_args()
    by_level: dict[float, Found] = defaultdict(lambda: defaultdict(dict))
    seconds = 0.0
    for row in (row for path in chosen.rows for row in read_rows(path)):
        name = label(row["method"], row["weights"])
        if name not in chosen.without and (not chosen.data or row["dataset"] in chosen.data):
            by_level[row["level"]][name][row["dataset"], row["image"]] = row["values"]
            seconds += row["seconds"]
    for level, found in sorted(by_level.items()):
        print(f"\nMSE {level:g}\n")
        table(found, chosen.against)
    print("\nAll levels\n")
    table(together(by_level.values()), chosen.against)
    print(f"\nMaps alone: {seconds / 60:.1f} minutes.")


def together(levels: Iterable[Found]) -> Found:
    """The mean over levels of each map, image and judge, where all levels have it."""
    levels = list(levels)
    result: Found = defaultdict(dict)
    for name in set.intersection(*(set(found) for found in levels)):
        for key in set.intersection(*(set(found[name]) for found in levels)):
            rows = [found[name][key] for found in levels]
            judges = [judge for judge in JUDGES if all(row.get(judge) is not None for row in rows)]
            result[name][key] = {judge: statistics.mean(row[judge] for row in rows) for judge in judges}
    return result


def table(found: Found, against: str) -> None:
    """Means, then differences."""
    keys = sorted(set.intersection(*(set(images) for images in found.values())))
    judges = [judge for judge in JUDGES if all(judge in found[name][key] for name in found for key in keys)]
    better = {j: 1 if j != SHARE and registry.metric(j).higher_is_better else -1 for j in judges}

    def mean(name: str, judge: str) -> float:
        return statistics.mean(found[name][key][judge] for key in keys)

    names = sorted(found, key=lambda name: -better[judges[0]] * mean(name, judges[0]))
    print(f"{len(keys)} images.\n\n| map | {' | '.join(judges)} |\n|---|{'---|' * len(judges)}")
    for name in names:
        cells = [
            f"{mean(name, j):.{JUDGES[j]}f} ±{error([found[name][k][j] for k in keys]):.{JUDGES[j]}f}" for j in judges
        ]
        print(f"| `{name}` | {' | '.join(cells)} |")
    print(f"\n| `{against}` ahead of | {' | '.join(judges)} |\n|---|{'---|' * len(judges)}")
    for name in names:
        if name == against:
            continue
        cells = []
        for j in judges:
            apart = [better[j] * (found[against][key][j] - found[name][key][j]) for key in keys]
            cells.append(f"{statistics.mean(apart):+.{JUDGES[j]}f} ±{error(apart):.{JUDGES[j]}f}")
        print(f"| `{name}` | {' | '.join(cells)} |")


def error(values: list[float]) -> float:
    """Standard error of a mean."""
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
