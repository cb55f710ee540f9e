"""D2LNet beside the authors' network of the same width, and what its own choices are worth.

Their code is not part of this repository: IMGREDUX_D2LNET names a checkout of YeunkSuzy/Dual_Domain_Learning (1c752d6).
A training step is forward and backward of the paper's loss, width 16, two crops of 128x128; a call is one tile in eval
mode, width 32.
"""

import ast
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from imgredux_d2lnet.losses import objective
from imgredux_d2lnet.network import Network
from torch import Tensor, nn
from torch.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:Torchinductor does not support:UserWarning")


class FullTransform(nn.Module):
    """A phase branch by the full transform, as it is usually written."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.norm = branch.first, branch.second, branch.norm

    def forward(self, x: Tensor) -> Tensor:
        Z = torch.fft.fft2(x, norm=self.norm)
        P = self.second(F.leaky_relu(self.first(Z.angle()), 0.2))
        return torch.fft.ifft2(Z.abs() * torch.exp(1j * P), norm=self.norm).real


def ours(width: int, variant: str = "released") -> Network:
    torch.manual_seed(0)
    return Network(3, width, variant, "cbam", True, True)


def by_full_transform(width: int) -> Network:
    network = ours(width)
    for block in network.stage1.down:
        block.branch = FullTransform(block.branch)
    return network


def authors(width: int) -> nn.Module:
    root = os.environ.get("IMGREDUX_D2LNET")
    if not root:
        pytest.skip("IMGREDUX_D2LNET names no checkout of the authors' code")
    path = Path(root) / "JPEG" / "JPEG" / "D2LNet.py"
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    for node in tree.body:
        node.decorator_list = []
    names: dict = {"torch": torch, "nn": nn}
    exec(compile(tree, str(path), "exec"), names)
    return names["D2LNet"](3, width)


def compiled(width: int) -> nn.Module:
    if not shutil.which("g++"):
        pytest.skip("torch.compile needs g++")
    return torch.compile(ours(width))


ROWS: dict[str, Callable[[int], nn.Module]] = {
    "imgredux, as released": ours,
    "imgredux, as in the paper": lambda width: ours(width, "paper"),
    "imgredux, channels first": lambda width: ours(width).to(memory_format=torch.contiguous_format),
    "imgredux, full transform": by_full_transform,
    "imgredux, torch.compile": compiled,
    "authors": authors,
}


@pytest.mark.parametrize("row", ROWS)
def test_one_tile(measure, row):
    network = ROWS[row](32).eval().requires_grad_(False)
    x = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    measure(lambda: network(x), task="D2LNet, width 32, 256x256", row=row, pixels=x[0, 0].numel(), rounds=3)


@pytest.mark.parametrize("row", ROWS)
def test_training_step(measure, row):
    network = ROWS[row](16)
    x, target = torch.rand(2, 2, 3, 128, 128, generator=torch.Generator().manual_seed(0))

    def step() -> None:
        network.zero_grad()
        results = network(x)
        objective(results[0], results[-1], target, "phase_first")[0].backward()

    measure(step, task="D2LNet, width 16, training step", row=row, pixels=2 * 128 * 128, rounds=3)
