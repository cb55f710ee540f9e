"""How many multiplications a pixel jndlc takes to encode and to decode, part by part.

python -m tests.benchmarks.jndlc_budget [--method jndlc]
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

import imgredux

SIDE = 256


@torch.no_grad()
def counted(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """What the work gives, and its multiplications a pixel."""
    with FlopCounterMode(display=False) as counter:
        result = work()
    return result, counter.get_total_flops() / 2 / SIDE**2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.jndlc_budget")
    parser.add_argument("--method", default="jndlc")
    core = imgredux.get(parser.parse_args().method).network.core
    y, analysis = counted(lambda: core.g_a(torch.rand(1, 3, SIDE, SIDE)))
    z, down = counted(lambda: core.h_a(y))
    features, up = counted(lambda: core.h_s(z))
    passes = sum(counted(lambda k=k: core.parameters_of(k, features, y))[1] for k in range(len(core.contexts)))
    _, synthesis = counted(lambda: core.g_s(y))
    print("| | transform | hyperprior | passes | together |\n|---|---|---|---|---|")
    for name, transform, hyper in (("encode", analysis, down + up), ("decode", synthesis, up)):
        print(f"| {name} | {transform:.0f} | {hyper:.0f} | {passes:.0f} | {transform + hyper + passes:.0f} |")


if __name__ == "__main__":
    main()
