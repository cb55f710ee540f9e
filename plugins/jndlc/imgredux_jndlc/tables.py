"""Integer tables of the entropy coder, and strings of symbols: nothing that is read can lead the decoder astray.

The coder is the ANS coder of `constriction`. Any string decodes to symbols of the tables, if not to those that someone
wrote: what is behind the end of a string reads as zeros. Its probabilities are multiples of 2**-24, computed from ours
of 2**-16 by products and sums that float64 holds exactly. It is imported with the first string: where it has no wheel,
on Linux with an arm processor, all but strings works.
"""

import math
import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imgredux.errors import PluginError
from imgredux_jndlc.bottleneck import EntropyBottleneck

BITS = 16  # the frequencies of a table add up to 2**16
LEAST = 15  # symbols that every table has on either side: residuals that the hyperprior did not foresee
REACH = 6.1  # deviations that a table has on either side
FARTHEST = 2**12  # symbols on either side, at most
WORD = np.dtype("<u4")  # strings are of such words
# Standard deviations that there is a table for, 0.11 to 256 as in CompressAI, in multiples of 2**-12.
STEPS = [round(2**12 * 0.11 * (256 / 0.11) ** (place / 63)) for place in range(64)]
SCALES = tuple(step / 2**12 for step in STEPS)


def _coders() -> Any:
    """The module of coders. Raises PluginError where it is not installed."""
    try:
        import constriction
    except ImportError as error:
        raise PluginError(
            f"streams need the entropy coder constriction ({error}). Install it with: pip install constriction. "
            "On Linux with an arm processor pip builds it, which takes a Rust compiler"
        ) from error
    return constriction.stream  # pyright: ignore[reportAttributeAccessIssue] - a native module


def scale_indexes(scales: Tensor) -> Tensor:
    """int32: the table for each scale, in units of 2**-12: the first that is not smaller; the last for all beyond."""
    return torch.bucketize(scales.contiguous(), scales.new_tensor(STEPS[:-1]), out_int32=True)


class Tables:
    """Cumulative frequencies by index.

    flat: int32, one table after another, each from 0 to 2**16. lengths: entries of each. offsets: the symbol that a
    table begins with. Raises ValueError for tables that are none.
    """

    def __init__(self, flat: Tensor, lengths: Tensor, offsets: Tensor) -> None:
        self.flat, self.lengths, self.offsets = flat, lengths, offsets
        ends = lengths.cumsum(0)
        tables = np.split(flat.numpy(), ends[:-1].numpy()) if len(lengths) else []
        if not tables or int(ends[-1]) != len(flat) or len(offsets) != len(lengths):
            raise ValueError("tables of the entropy coder do not fit one another")
        self._frequencies = [np.diff(table) for table in tables]
        for table, frequencies in zip(tables, self._frequencies, strict=True):
            if len(table) < 3 or table[0] != 0 or table[-1] != 1 << BITS or (frequencies < 1).any():
                raise ValueError("a table of the entropy coder is not a distribution over 2**16")

    @cached_property
    def models(self) -> list[Any]:
        """The coder's, by index."""
        model = _coders().model
        return [
            model.Categorical(frequencies / 2.0**BITS, perfect=False, lazy=False) for frequencies in self._frequencies
        ]

    @property
    def highest(self) -> Tensor:
        """The last symbol of each table."""
        return self.offsets + self.lengths - 2

    def clamp(self, symbols: Tensor, indexes: Tensor) -> Tensor:
        """The nearest symbols that the tables have."""
        low, high = (bound.to(symbols)[indexes] for bound in (self.offsets, self.highest))
        return symbols.maximum(low).minimum(high)

    def by_index(self, indexes: np.ndarray) -> tuple[np.ndarray, list[tuple[int, slice]]]:
        """In which order the symbols are coded, by table, and the part of each table that there is."""
        order = np.argsort(indexes, kind="stable")
        ends = np.bincount(indexes, minlength=len(self.lengths)).cumsum().tolist()
        parts = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        return order, [(index, part) for index, part in enumerate(parts) if part.stop > part.start]


class Writer:
    """Symbols, each by the table of its index, to a string. head: what the checksum begins with."""

    def __init__(self, head: bytes = b"") -> None:
        self.crc = zlib.crc32(head)
        self._given: list[tuple[Tables, np.ndarray, np.ndarray]] = []

    def put(self, tables: Tables, indexes: Tensor, symbols: Tensor) -> None:
        """Symbols that the tables have; both flat, of whole numbers."""
        given = indexes.numpy().astype("<u2"), symbols.numpy().astype(np.int32)
        self._given.append((tables, *given))
        self.crc = _crc(self.crc, *given)

    def string(self) -> bytes:
        """The last symbol first: such a coder is a stack."""
        coder = _coders().stack.AnsCoder()
        for tables, indexes, symbols in reversed(self._given):
            order, parts = tables.by_index(indexes)
            found = (symbols - tables.offsets.numpy()[indexes])[order]
            for index, part in reversed(parts):
                coder.encode_reverse(found[part], tables.models[index])
        return coder.get_compressed().astype(WORD).tobytes()


class Reader:
    """What a `Writer` wrote, asked for in the same order. Raises ValueError for a string that cannot be one."""

    def __init__(self, string: bytes, head: bytes = b"") -> None:
        if len(string) % WORD.itemsize:
            raise ValueError(f"a string of {len(string)} bytes")
        self.crc = zlib.crc32(head)
        self._coder = _coders().stack.AnsCoder(np.frombuffer(string, WORD).astype(np.uint32))

    def get(self, tables: Tables, indexes: Tensor) -> Tensor:
        """int32 symbols, one for each of the indexes, which are flat."""
        given = indexes.numpy().astype("<u2")
        order, parts = tables.by_index(given)
        found = np.empty(len(given), np.int32)
        for index, part in parts:
            found[part] = self._coder.decode(tables.models[index], part.stop - part.start)
        symbols = np.empty_like(found)
        symbols[order] = found
        symbols += tables.offsets.numpy()[given]
        self.crc = _crc(self.crc, given, symbols)
        return torch.from_numpy(symbols)

    def end(self, crc: int) -> None:
        """Raises ValueError where the checksum is another, or the string held more than was asked for."""
        if self.crc != crc:
            raise ValueError("the checksum of the latents differs")
        if not self._coder.is_empty():
            raise ValueError("the string does not end with the latents")


def gaussian_tables(scales: Sequence[float]) -> Tables:
    """A table for each standard deviation, of a normal distribution rounded to integers, symmetric about 0."""
    tables, offsets = [], []
    for scale in scales:
        reach = max(math.ceil(REACH * scale), LEAST)
        edges = np.arange(-reach, reach + 2) - 0.5
        normal = torch.special.ndtr(torch.from_numpy(edges / scale)).numpy()
        tables.append(_cumulative(np.diff(normal)))
        offsets.append(-reach)
    return _joined(tables, offsets)


def factorized_tables(bottleneck: EntropyBottleneck) -> Tables:
    """A table for each channel of hyper-latents, about its median, in double precision."""
    double = EntropyBottleneck(bottleneck.channels).double()
    double.load_state_dict(bottleneck.state_dict())
    lower, medians, upper = double.quantiles[:, 0].detach().T
    low, high = torch.stack([medians - lower, upper - medians]).ceil().clamp(LEAST, FARTHEST).int().tolist()
    widest = max(a + b + 1 for a, b in zip(low, high, strict=True))
    samples = (medians - torch.tensor(low))[:, None] + torch.arange(widest, dtype=torch.float64)
    with torch.no_grad():
        masses = double.likelihood(samples[None, :, None])[0, :, 0].numpy()
    tables = [_cumulative(mass[: a + b + 1]) for mass, a, b in zip(masses, low, high, strict=True)]
    return _joined(tables, [-a for a in low])


def _cumulative(masses: np.ndarray) -> np.ndarray:
    """Frequencies of at least 1 that add up to 2**16, summed up from 0; what rounding leaves goes to the likeliest."""
    free = (1 << BITS) - len(masses)
    frequencies = 1 + np.floor(masses / masses.sum() * free).astype(np.int64)
    frequencies[masses.argmax()] += (1 << BITS) - frequencies.sum()
    return np.concatenate([[0], frequencies.cumsum()]).astype(np.int32)


def _joined(tables: Sequence[np.ndarray], offsets: Sequence[int]) -> Tables:
    lengths = torch.tensor([len(table) for table in tables], dtype=torch.int32)
    return Tables(torch.from_numpy(np.concatenate(tables)), lengths, torch.tensor(offsets, dtype=torch.int32))


def _crc(value: int, indexes: np.ndarray, symbols: np.ndarray) -> int:
    return zlib.crc32(symbols.astype("<i4", copy=False).tobytes(), zlib.crc32(indexes.tobytes(), value))
