"""Attention beside the plain one, which builds the matrix: values, gradients, and what is in memory on the way."""

import pytest
import torch
from imgredux_ddjnd import attention
from imgredux_ddjnd.attention import attend
from imgredux_ddjnd.spatial import SHA
from torch.utils._python_dispatch import TorchDispatchMode


def naive(Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor, printed: bool = False) -> torch.Tensor:
    S = Q @ K.mT
    return (S.flatten(1).softmax(-1).view_as(S) if printed else S.softmax(-1)) @ V


def sequences(side: int, width: int = 8, keys: int | None = None, count: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    positions = side * side
    shapes = [(count, positions, width), (count, keys or positions, width), (count, keys or positions, width)]
    return [torch.randn(shape, generator=generator).div_(2).requires_grad_() for shape in shapes]


class Largest(TorchDispatchMode):
    """Number of elements of the largest tensor that any operation gives, those of gradients included."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = result if isinstance(result, (tuple, list)) else (result,)
        self.elements = max([self.elements, *(x.numel() for x in given if isinstance(x, torch.Tensor))])
        return result


@pytest.fixture(params=["fused", "streamed", "printed"])
def kind(request, monkeypatch) -> str:
    if request.param == "streamed":  # as on a device without the kernels
        monkeypatch.setattr(attention, "_fusable", lambda x: False)
        monkeypatch.setattr(attention, "ROWS", 50)
        monkeypatch.setattr(attention, "COLUMNS", 70)
    return request.param


@pytest.mark.parametrize("keys", [None, 100])
def test_attention_is_the_naive_one_in_values_and_gradients(kind, keys):
    inputs, weight = sequences(24, keys=keys), torch.linspace(-1, 1, 8)
    scale = 576.0 if kind == "printed" else 1.0  # its rows together weigh 1
    found, expected = (scale * run(*inputs, kind == "printed") for run in (attend, naive))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    gradients = (torch.autograd.grad((result * weight).sin().sum(), inputs) for result in (found, expected))
    for given, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(given, wanted, rtol=1e-5, atol=1e-5)


def test_the_streamed_gradients_are_right_in_float64(monkeypatch):
    monkeypatch.setattr(attention, "ROWS", 4)
    monkeypatch.setattr(attention, "COLUMNS", 5)
    Q, K, V = (x.detach().double().requires_grad_() for x in sequences(3, 2))
    assert torch.autograd.gradcheck(attention.Streamed.apply, (Q, K, V))


def test_large_products_do_not_overflow(kind):
    Q, K, V = (60 * x.detach() for x in sequences(12))
    found, expected = (run(Q, K, V, kind == "printed") for run in (attend, naive))
    assert found.isfinite().all()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("side", [56, 112])
def test_memory_is_linear_in_the_number_of_positions(side):
    inputs = sequences(side, count=1)
    with Largest() as seen:
        attend(*inputs).sum().backward()
    assert seen.elements <= 16 * side**2


def test_memory_of_the_streamed_form_is_a_block(monkeypatch):
    monkeypatch.setattr(attention, "ROWS", 64)
    monkeypatch.setattr(attention, "COLUMNS", 256)
    inputs = sequences(56, count=1)
    with Largest() as seen:
        attend(*inputs, printed=True).sum().backward()
    assert seen.elements <= 8 * 56**2
    with Largest() as seen:
        naive(*sequences(24, count=1))
    assert seen.elements == 24**4  # the count sees a matrix where there is one


def test_the_module_is_the_papers_whatever_lies_first_in_memory():
    torch.manual_seed(0)
    sha, x = SHA(8), torch.randn(2, 8, 6, 10)
    assert sha.gamma == 0.5
    Q, K, V = (layer(x).flatten(2).mT for layer in (sha.q, sha.k, sha.v))
    expected = 0.5 * naive(Q, K, V).mT.reshape(x.shape) + x
    for memory in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(sha(x.to(memory_format=memory)), expected)


def test_narrow_keys_and_a_stride():
    torch.manual_seed(0)
    x = torch.randn(1, 8, 7, 10)
    narrow = SHA(8, shrink=4)
    Q, K, V = (layer(x).flatten(2).mT for layer in (narrow.q, narrow.k, narrow.v))
    assert Q.shape[-1] == 2
    torch.testing.assert_close(narrow(x), 0.5 * naive(Q, K, V).mT.reshape(x.shape) + x)
    coarse, flat = SHA(8, stride=4), torch.ones(1, 8, 7, 10)
    assert coarse(x).shape == x.shape
    torch.testing.assert_close(coarse(flat), SHA.forward(_with_stride(coarse, 1), flat))


def _with_stride(module: SHA, stride: int) -> SHA:
    module.stride = stride
    return module
