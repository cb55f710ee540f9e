"""What a decoder computes is integers: against NumPy's int64, sum by sum, and against the network in floating point."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imgredux_jndlc.core import Core
from imgredux_jndlc.exact import LIMIT, UNIT, WEIGHT, Exact, whole
from imgredux_jndlc.hyperprior import hyperprior
from imgredux_jndlc.separable import SLOPE, Affine, Block, separable
from imgredux_jndlc.tables import Reader, Writer, factorized_tables, gaussian_tables, scale_indexes
from scipy.stats import norm
from torch import nn


def made(kind: str) -> Core:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return hyperprior(8, 12) if kind == "hyperprior" else separable(8, 12, (8, 12, 16), (1, 2, 2), 2)


@pytest.fixture(scope="module", params=["separable", "hyperprior"])
def core(request) -> Core:
    return made(request.param)


def rounded(total: np.ndarray, shift: int) -> np.ndarray:
    """total / 2**shift to the nearest whole number, halves up."""
    return (total + (1 << shift >> 1)) >> shift if shift > 0 else total << -shift


def in_python_integers(layer: nn.Module, x: np.ndarray) -> np.ndarray:
    """A layer with NumPy's int64, sums in another order, without floating point. x: `(C, h, w)`, in units of 2**-12."""
    match layer:
        case nn.Sequential():
            for part in layer:
                x = in_python_integers(part, x)
            return x
        case Block():
            inner = x
            for part in (layer.neighbors, layer.expand, nn.LeakyReLU(SLOPE), layer.project):
                inner = in_python_integers(part, inner)
            return (x + inner).clip(-int(LIMIT), int(LIMIT))
        case nn.LeakyReLU():
            return np.where(x < 0, rounded(x * round(4096 * layer.negative_slope), 12), x)
        case nn.PixelShuffle():
            r, (channels, height, width) = layer.upscale_factor, x.shape
            cells = x.reshape(channels // r**2, r, r, height, width).transpose(0, 3, 1, 4, 2)
            return cells.reshape(channels // r**2, height * r, width * r)
        case Affine():
            shift = -int(np.log2(layer.scale))
            return rounded(x, shift) + int(layer.offset * 2**UNIT)
    weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
    shift = WEIGHT - int(np.frexp(abs(weight).max())[1])
    weight = np.rint(weight * 2.0**shift).astype(np.int64)
    bias = np.rint(bias * 2.0 ** (shift + UNIT)).astype(np.int64)
    if isinstance(layer, nn.ConvTranspose2d):
        spread = np.zeros((x.shape[0], 2 * x.shape[1] - 1, 2 * x.shape[2] - 1), np.int64)
        spread[:, ::2, ::2] = x
        x, weight = np.pad(spread, ((0, 0), (2, 3), (2, 3))), weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    else:
        x = np.pad(x, ((0, 0), *[(layer.padding[0],) * 2] * 2))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (1, 2))
    groups = getattr(layer, "groups", 1)
    sums = "chwij,cij->chw" if groups > 1 else "chwij,ocij->ohw"
    total = np.einsum(sums, windows, weight[:, 0] if groups > 1 else weight) + bias[:, None, None]
    return rounded(total, shift).clip(-int(LIMIT), int(LIMIT))


def drawn(channels: int, height: int, width: int, reach: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return whole(reach * torch.randn(1, channels, height, width, generator=generator))


def test_hyper_latents_are_decoded_as_with_integers(core):
    x = drawn(8, 3, 5, 20)
    found = Exact(core.h_s)(x)
    np.testing.assert_array_equal(found[0].numpy(), in_python_integers(core.h_s, x[0].long().numpy()))


def test_every_pass_and_the_image_are_computed_as_with_integers():
    core = made("separable")
    for network, channels in ((core.contexts[0], 96), (core.contexts[1], 108), (core.g_s, 12)):
        x = drawn(channels, 5, 6, 10)
        found = Exact(network)(x)
        np.testing.assert_array_equal(found[0].numpy(), in_python_integers(network, x[0].long().numpy()))


def test_they_are_near_the_network_in_floating_point(core):
    networks = [core.h_s, core.g_s] if core.contexts else [core.h_s]
    for network, channels in zip(networks, (8, 12), strict=False):
        x = drawn(channels, 4, 4, 4)
        exact = Exact(network)(x) / 2**UNIT
        with torch.no_grad():
            plain = network(x.float() / 2**UNIT)
        assert (exact - plain).abs().max() < 0.01
        assert plain.std() > 0.02


def test_what_is_beyond_the_limit_stays_there():
    core = made("separable")
    for sign in (-1, 1):
        found = Exact(core.g_s)(torch.full((1, 12, 2, 2), sign * LIMIT, dtype=torch.float64))
        assert found.abs().max() <= LIMIT
        np.testing.assert_array_equal(found, found.round())


def test_a_layer_without_a_counterpart_is_refused():
    with pytest.raises(TypeError, match="GELU"):
        Exact([nn.GELU()])


def test_threads_change_nothing(core):
    x, decoder, threads, found = drawn(8, 16, 16, 20), Exact(core.h_s), torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(decoder(x))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, found[0]) for one in found)


def test_the_passes_take_each_latent_once_and_know_neighbors():
    y = torch.empty(1, 12, 6, 8)
    for passes in (1, 2, 4):
        core = separable(8, 12, (8, 12, 16), (1, 1, 1), passes)
        masks = torch.stack(core.masks(y))
        assert len(masks) == passes
        assert (masks.sum(0) == 1).all()
        assert (masks.flatten(2).sum(2) == 48 // passes).all()  # as many in every channel
    board = separable(8, 12, (8, 12, 16), (1, 1, 1), 2).masks(y)[0]
    assert (board[:, :, :-1] != board[:, :, 1:]).all()
    assert (board[0] != board[-1]).all()


def test_the_table_of_a_scale_is_the_first_that_is_not_smaller():
    from imgredux_jndlc.tables import STEPS

    scales = torch.tensor([-1.0, STEPS[3], STEPS[3] + 1, 1e9])
    assert scale_indexes(scales).tolist() == [0, 3, 4, 63]


def test_tables_hold_the_normal_distribution():
    tables = gaussian_tables([0.3, 4.0])
    widths = np.diff(tables.flat.numpy()[int(tables.lengths[0]) :]) / 2**16
    symbols = np.arange(int(tables.offsets[1]), int(tables.highest[1]) + 1)
    np.testing.assert_allclose(widths, np.diff(norm.cdf([*(symbols - 0.5), symbols[-1] + 0.5], scale=4)), atol=1e-3)


def test_tables_hold_the_factorized_prior(core):
    bottleneck = core.entropy_bottleneck
    tables = factorized_tables(bottleneck)
    for channel in (0, 5):
        start = int(tables.lengths[:channel].sum())
        widths = np.diff(tables.flat[start : start + int(tables.lengths[channel])].numpy()) / 2**16
        symbols = torch.arange(int(tables.offsets[channel]), int(tables.highest[channel]) + 1).float()
        with torch.no_grad():
            likely = bottleneck.likelihood(symbols.expand(1, bottleneck.channels, 1, -1))[0, channel, 0]
        np.testing.assert_allclose(widths, likely / likely.sum(), atol=1e-3)


def test_quantiles_leave_the_tails_out():
    bottleneck = made("separable").entropy_bottleneck
    bottleneck.find_quantiles()
    mass = torch.sigmoid(bottleneck.logits(bottleneck.quantiles)).detach()[:, 0]
    torch.testing.assert_close(mass[:, 1], torch.full((8,), 0.5), atol=1e-4, rtol=0)
    torch.testing.assert_close(mass[:, 0], torch.full((8,), 0.5e-9), atol=1e-10, rtol=0.1)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 1), min_size=1, max_size=60))
def test_any_string_gives_symbols_of_the_tables_or_is_refused(string, indexes):
    tables, index = gaussian_tables([0.2, 9.0]), torch.tensor(indexes)
    try:
        reader = Reader(string)
    except ValueError:
        return
    symbols = reader.get(tables, index)
    assert torch.equal(symbols, tables.clamp(symbols, index))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 1)), max_size=200), st.integers(0, 200))
def test_what_is_written_is_read(pairs, cut):
    tables = gaussian_tables([0.2, 9.0])
    symbols, indexes = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
    symbols = tables.clamp(symbols, indexes)
    writer, parts = Writer(b"head"), (slice(cut), slice(cut, None))
    for part in parts:
        writer.put(tables, indexes[part], symbols[part])
    reader = Reader(writer.string(), b"head")
    assert torch.equal(torch.cat([reader.get(tables, indexes[part]) for part in parts]), symbols.int())
    reader.end(writer.crc)
    with pytest.raises(ValueError, match="checksum"):
        reader.end(writer.crc ^ 1)


def test_a_string_takes_the_bits_that_its_symbols_are_likely():
    tables, generator = gaussian_tables([0.2, 9.0]), torch.Generator().manual_seed(0)
    indexes = torch.randint(0, 2, (5000,), generator=generator)
    scales = torch.tensor([0.2, 9.0])[indexes]
    symbols = tables.clamp((scales * torch.randn(5000, generator=generator)).round().int(), indexes)
    writer = Writer()
    writer.put(tables, indexes, symbols)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), tables.lengths.cumsum(0)])[indexes]
    place = starts + symbols - tables.offsets[indexes]
    bits = -((tables.flat[place + 1] - tables.flat[place]) / 2**16).log2().sum().item()
    assert 8 * len(writer.string()) == pytest.approx(bits, abs=72)
