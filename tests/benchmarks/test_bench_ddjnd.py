"""DDJND's attention beside the plain one, which builds the matrix, and what the network costs.

A call is without gradients; a step is forward and backward. 224x224 is a tile, 50,176 positions, whose matrix would
have 10 GB: the plain one stops at 96x96.
"""

import pytest
import torch
from imgredux_ddjnd import attention
from imgredux_ddjnd.attention import attend
from torch import Tensor

import imgredux

WIDTH = 32


def plain(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    return (Q @ K.mT).softmax(-1) @ V


def streamed(Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
    return attention.Streamed.apply(Q, K, V)[0]


ROWS = {"imgredux, fused": attend, "imgredux, block by block": streamed, "plain": plain}
SIDES = dict.fromkeys(ROWS, (48, 96)) | {"imgredux, fused": (48, 96, 224)}


def sequences(side: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(1, side * side, WIDTH, generator=generator) for _ in range(3)]


@pytest.mark.parametrize(("row", "side"), [(row, side) for row in ROWS for side in SIDES[row]])
def test_attention(measure, row, side):
    inputs = sequences(side)
    task = f"DDJND, attention, {side}x{side}"
    measure(lambda: ROWS[row](*inputs), task=task, row=row, pixels=side * side, rounds=3 if side < 224 else 1)


@pytest.mark.parametrize("row", ROWS)
def test_attention_step(measure, row):
    inputs = [x.requires_grad_() for x in sequences(96)]

    def step() -> None:
        ROWS[row](*inputs).sum().backward()

    measure(step, task="DDJND, attention, training step, 96x96", row=row, pixels=96 * 96, rounds=3)


@pytest.mark.parametrize("stride", [1, 4])
def test_one_tile(measure, stride):
    torch.manual_seed(0)
    method = imgredux.create("ddjnd", stride=stride).eval().requires_grad_(False)
    x = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    row = "imgredux" if stride == 1 else f"imgredux, stride={stride}"
    measure(lambda: method(x), task="DDJND, width 32, one tile", row=row, pixels=x[0, 0].numel(), rounds=1)
