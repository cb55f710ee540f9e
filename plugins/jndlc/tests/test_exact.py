import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imgredux_jndlc.exact import LIMIT, SCALES, SLOPE, UNIT, ExactDecoder, scale_indexes
from imgredux_jndlc.network import Network
from imgredux_jndlc.tables import STATE, factorized_tables, gaussian_tables
from scipy.stats import norm
from torch import nn


@pytest.fixture(scope="module")
def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Network(8, 12, (1.0,))


def in_python_integers(network: Network, symbols: np.ndarray, medians: np.ndarray) -> np.ndarray:
    """The same network with NumPy's int64: sums of integers in yet another order, without floating point."""
    x = symbols.astype(np.int64) * 2**UNIT + np.rint(medians * 2**UNIT).astype(np.int64)[:, None, None]
    layers = [layer for layer in network.core.h_s if not isinstance(layer, nn.LeakyReLU)]
    for place, layer in enumerate(layers):
        weight, bias = (p.detach().double().numpy() for p in (layer.weight, layer.bias))
        shift = 14 - np.frexp(abs(weight).max())[1]
        weight = np.rint(weight * 2.0**shift).astype(np.int64)
        bias = np.rint(bias * 2.0 ** (shift + UNIT)).astype(np.int64)
        if isinstance(layer, nn.ConvTranspose2d):
            spread = np.zeros((x.shape[0], 2 * x.shape[1] - 1, 2 * x.shape[2] - 1), np.int64)
            spread[:, ::2, ::2] = x
            x, weight = np.pad(spread, ((0, 0), (2, 3), (2, 3))), weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        else:
            x = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (1, 2))
        total = np.einsum("chwij,ocij->ohw", windows, weight) + bias[:, None, None]
        half = 2 ** (shift - 1)
        rounded = (total + half) >> shift
        if place < len(layers) - 1:
            rounded = np.where(total < 0, (rounded * SLOPE + 2**11) >> 12, rounded)
        x = rounded.clip(-int(LIMIT), int(LIMIT))
    return x


def test_the_hyperprior_is_decoded_as_with_integers(network):
    generator = torch.Generator().manual_seed(2)
    symbols = torch.randint(-40, 41, (1, 8, 3, 5), generator=generator)
    medians = torch.randn(8, generator=generator)
    found = ExactDecoder(network.core.h_s)(symbols, medians)
    assert found.shape == (1, 24, 12, 20)
    np.testing.assert_array_equal(found[0].numpy(), in_python_integers(network, symbols[0].numpy(), medians.numpy()))


def test_it_is_near_the_network_in_floating_point(network):
    symbols = torch.randint(-8, 9, (1, 8, 4, 4), generator=torch.Generator().manual_seed(3))
    exact = ExactDecoder(network.core.h_s)(symbols, torch.zeros(8)) / 2**UNIT
    with torch.no_grad():
        plain = network.core.h_s(symbols.float())
    assert (exact - plain).abs().max() < 0.01
    assert plain.abs().max() > 0.2


def test_threads_change_nothing(network):
    symbols = torch.randint(-40, 41, (1, 8, 16, 16), generator=torch.Generator().manual_seed(4))
    decoder, threads, found = ExactDecoder(network.core.h_s), torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            found.append(decoder(symbols, torch.zeros(8)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, found[0]) for one in found)


def test_scales_are_those_of_compressai():
    from compressai.models.base import get_scale_table

    np.testing.assert_allclose(SCALES, get_scale_table().numpy(), atol=2**-11)
    assert scale_indexes(torch.tensor([-1.0, SCALES[3], SCALES[3] + 1e-3, 1e4])).tolist() == [0, 3, 4, 63]


def test_tables_hold_the_normal_distribution():
    tables = gaussian_tables([0.3, 4.0])
    widths = np.diff(tables.flat.numpy()[int(tables.lengths[0]) :]) / 2**16
    symbols = np.arange(int(tables.offsets[1]), int(tables.highest[1]) + 1)
    np.testing.assert_allclose(widths, np.diff(norm.cdf([*(symbols - 0.5), symbols[-1] + 0.5], scale=4)), atol=1e-3)


def test_tables_hold_the_factorized_prior(network):
    bottleneck = network.core.entropy_bottleneck
    tables = factorized_tables(bottleneck)
    for channel in (0, 5):
        start = int(tables.lengths[:channel].sum())
        widths = np.diff(tables.flat[start : start + int(tables.lengths[channel])].numpy()) / 2**16
        symbols = torch.arange(int(tables.offsets[channel]), int(tables.highest[channel]) + 1).float()
        with torch.no_grad():
            values = symbols.view(1, 1, -1).expand(1, bottleneck.channels, -1)
            likely = bottleneck(values, training=False)[1][0, channel]
        np.testing.assert_allclose(widths, likely / likely.sum(), atol=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 1), min_size=1, max_size=60))
def test_any_string_gives_symbols_of_the_tables_or_is_refused(string, indexes):
    tables, index = gaussian_tables([0.2, 9.0]), torch.tensor(indexes)
    legal = STATE <= len(string) <= STATE + 4 * len(indexes) and len(string) % 4 == 0
    if not legal:
        with pytest.raises(ValueError, match="string of"):
            tables.decode(string, index)
        return
    symbols = tables.decode(string, index)
    assert torch.equal(symbols, tables.clamp(symbols, index))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 1)), min_size=4, max_size=200))
def test_what_is_encoded_is_decoded(pairs):
    tables = gaussian_tables([0.2, 9.0])
    symbols, indexes = torch.tensor(pairs).T
    symbols = tables.clamp(symbols, indexes)
    string = tables.encode(symbols, indexes)
    assert len(string) <= STATE + 4 * len(pairs)
    assert torch.equal(tables.decode(string, indexes), symbols.int())


def test_too_few_symbols_never_reach_the_coder():
    with pytest.raises(ValueError, match="needs 4"):
        gaussian_tables([1.0]).encode(torch.zeros(3, dtype=torch.int32), torch.zeros(3, dtype=torch.int32))
