"""Every installed method as a graph: what exports, to what, how far the result is from the method's, and how fast.

    python -m tests.campaigns.exports [NAME...] [--seconds 60] [-o docs/results/exports.csv]

Each method is exported to `torch.export` and ONNX by a process of its own, which is ended after `--seconds`, and run on
a photograph (scikit-image's astronaut), for a restorer as a JPEG of quality 30. Where a graph takes any size, it is
judged at another than it was recorded at. Times are of one thread, at 192x256 or the size that the graph has. Prints
OUT.csv as a Markdown table.
"""

import argparse
import csv
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = (
    "method",
    "kind",
    "sizes",
    "program",
    "onnx",
    "megabytes",
    "onnx_max",
    "onnx_share",
    "torch_s",
    "onnx_s",
    "problem",
)
FAR = 1e-4  # of [0, 1]
OTHER = (208, 304)  # of a graph that takes any size
SIZES = {"d2lnet": (96, 96), "rnan": (96, 96)}  # one tile: a graph of several holds the network so many times


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.exports")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("-o", "--output", type=Path, help="a CSV; what is in it is not done again")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        csv.DictWriter(sys.stdout, FIELDS).writerow(measured(chosen.one))
        return
    import imgredux

    names = chosen.names or [name for kind in ("estimator", "restorer") for name in imgredux.list_methods(kind)] + [
        "jndlc"
    ]
    rows = list(csv.DictReader(chosen.output.open())) if chosen.output and chosen.output.exists() else []
    for name in names:
        if imgredux.info(name).spec.user_weights or name in {row["method"] for row in rows}:
            continue
        rows.append(in_a_process(name, chosen.seconds))
        print(rows[-1], file=sys.stderr, flush=True)
        if chosen.output:
            with chosen.output.open("w", newline="") as file:
                writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print(table(rows))


def in_a_process(name: str, seconds: float) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.campaigns.exports", "--one", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return {"method": name, "problem": f"not done in {seconds:g} s"}
    if done.returncode:
        return {"method": name, "problem": done.stderr.strip().splitlines()[-1]}
    return next(csv.DictReader(done.stdout.splitlines(), FIELDS))


def measured(name: str) -> dict[str, Any]:
    """A row."""
    import torch

    import imgredux
    from imgredux.errors import ImgreduxError
    from imgredux.export import onnx_of, traced

    torch.set_num_threads(1)
    info = imgredux.info(name)
    row: dict[str, Any] = {"method": name, "kind": info.spec.kind}
    method = imgredux.create(name).eval() if info.untrained else imgredux.get(name)
    try:
        found = traced(method, size=SIZES.get(name))
    except ImgreduxError as error:
        return {**row, "problem": str(error)}
    row["sizes"] = "{}x{}".format(*found.size) if found.size else f"any, in steps of {found.step}"
    given = example(found, found.size or OTHER)
    with torch.no_grad():
        meant = call(method, found, given)
        row["program"] = float((first(found.program.module()(*given)) - meant).abs().max())
    try:
        data = onnx_of(found)
    except ImgreduxError as error:
        return {**row, "problem": str(error)}
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    fed = {key: value.numpy() for key, value in zip(found.inputs, given, strict=True)}
    difference = np.abs(session.run(None, fed)[0] - meant.numpy())
    small = example(found, found.size or (192, 256))
    fed = {key: value.numpy() for key, value in zip(found.inputs, small, strict=True)}
    return {
        **row,
        "onnx": "yes",
        "megabytes": len(data) / 1e6,
        "onnx_max": float(difference.max()),
        "onnx_share": float((difference > FAR).mean()),
        "torch_s": seconds_of(lambda: call(method, found, small)),
        "onnx_s": seconds_of(lambda: session.run(None, fed)),
    }


def example(found: Any, size: tuple[int, int]) -> tuple[Any, ...]:
    """Tensors to call a graph with."""
    import skimage.data
    import torch

    from imgredux import ops

    pixels = torch.from_numpy(skimage.data.astronaut()[40 : 40 + size[0], 100 : 100 + size[1]].copy())
    image = pixels.permute(2, 0, 1)[None].float() / 255
    image = ops.luma(image) if found.channels == 1 else image
    return (ops.jpeg(image, 30), ops.ijg_tables(30)[None]) if len(found.inputs) == 2 else (image.contiguous(),)


def call(method: Any, found: Any, given: tuple[Any, ...]) -> Any:
    import torch

    with torch.no_grad():
        return first(method(given[0], qtable=given[1]) if len(found.inputs) == 2 else method(given[0]))


def first(result: Any) -> Any:
    return result[0] if isinstance(result, (tuple, list)) else result


def seconds_of(run: Callable[[], Any], least: float = 1.0) -> float:
    """The fastest of some runs, the first left out."""
    run()
    times: list[float] = []
    while sum(times) < least or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def table(rows: list[dict[str, str]]) -> str:
    """Markdown."""
    headings = (
        "method",
        "sizes",
        "`torch.export`: largest difference",
        "ONNX, MB",
        "ONNX Runtime: largest difference",
        "beyond 1e-4",
        "torch, ms",
        "ONNX Runtime, ms",
    )
    lines = [f"| {' | '.join(headings)} |", "|---" * len(headings) + "|"]
    for row in rows:
        found = {key: value for key, value in row.items() if value not in (None, "")}
        if "program" not in found:
            lines.append(f"| {row['method']} | no: {row['problem']} | | | | | | |")
            continue
        start = f"| {row['method']} | {row['sizes']} | {float(row['program']):.1e} |"
        if "onnx" not in found:
            lines.append(f"{start} no: {row.get('problem')} | | | | |")
            continue
        figures = [float(row[key]) for key in ("megabytes", "onnx_max", "onnx_share", "torch_s", "onnx_s")]
        text = "{:.1f} | {:.1e} | {:.2%} | {:.0f} | {:.0f}".format(*figures[:3], *(1000 * n for n in figures[3:]))
        lines.append(f"{start} {text} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
