"""Integer tables of the entropy coder, and coding with them: nothing that is read can lead the decoder astray.

CompressAI's range coder believes what it is given: its decoder reads on past the end of a string, and a symbol that
stands for "outside the table" makes it read a number of any length. These tables have no such symbol, so a symbol takes
16 bits at most, and strings are lengthened by as much before they are decoded: no content makes it leave them.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from imgredux_jndlc.parts import EntropyBottleneck, RansDecoder, RansEncoder

BITS = 16  # precision of the coder: the frequencies of a table add up to 2**16
TAIL = 1e-9  # probability left out of a table at both ends together
LEAST = 15  # symbols that every table has on either side: residuals that the hyperprior did not foresee
FEWEST = 4  # symbols in a string
STATE = 8  # bytes that the coder writes beyond the symbols' own


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
        for table in tables:
            if len(table) < 2 or table[0] != 0 or table[-1] != 1 << BITS or (np.diff(table) < 1).any():
                raise ValueError("a table of the entropy coder is not a distribution over 2**16")
        # The last entry twice: CompressAI takes a last symbol for "outside the table"; here it has no width.
        self._lists = [[*table.tolist(), 1 << BITS] for table in tables]
        self._sizes, self._offsets = (lengths + 1).tolist(), offsets.tolist()

    @property
    def highest(self) -> Tensor:
        """The last symbol of each table."""
        return self.offsets + self.lengths - 2

    def clamp(self, symbols: Tensor, indexes: Tensor) -> Tensor:
        """The nearest symbols that the tables have."""
        low, high = (bound.to(symbols)[indexes] for bound in (self.offsets, self.highest))
        return symbols.maximum(low).minimum(high)

    def encode(self, symbols: Tensor, indexes: Tensor) -> bytes:
        """The string of symbols that the tables have, each by the table of its index; both int, of one shape.

        Raises ValueError for fewer than 4 symbols: CompressAI's coder writes its state beyond what it has allocated.
        """
        if symbols.numel() < FEWEST:
            raise ValueError(f"{symbols.numel()} symbols: the coder needs {FEWEST}")
        given = symbols.flatten().tolist(), indexes.flatten().tolist()
        return RansEncoder().encode_with_indexes(*given, self._lists, self._sizes, self._offsets)

    def decode(self, string: bytes, indexes: Tensor) -> Tensor:
        """int32 symbols of the shape of the indexes, whatever the string holds. Raises ValueError: of no legal length.

        The coder reads the state, then 4 bytes for a symbol at most.
        """
        if len(string) < STATE or len(string) % 4 or len(string) > STATE + 4 * indexes.numel():
            raise ValueError(f"a string of {len(string)} bytes for {indexes.numel()} symbols")
        padded = string + bytes(STATE + 4 * indexes.numel() - len(string) + 4)
        flat = indexes.flatten().tolist()
        symbols = RansDecoder().decode_with_indexes(padded, flat, self._lists, self._sizes, self._offsets)
        return torch.tensor(symbols, dtype=torch.int32).view(indexes.shape)


def gaussian_tables(scales: Sequence[float]) -> Tables:
    """A table for each standard deviation, of a normal distribution rounded to integers, symmetric about 0."""
    tables, offsets = [], []
    for scale in scales:
        reach = max(math.ceil(6.1 * scale), LEAST)
        edges = np.arange(-reach, reach + 2) - 0.5
        normal = torch.special.ndtr(torch.from_numpy(edges / scale)).numpy()
        tables.append(_cumulative(np.diff(normal)))
        offsets.append(-reach)
    return _joined(tables, offsets)


def factorized_tables(bottleneck: EntropyBottleneck) -> Tables:
    """A table for each channel of CompressAI's entropy bottleneck, about its median, in double precision."""
    state = {key: value.detach().cpu().double() for key, value in bottleneck.state_dict().items()}
    double = EntropyBottleneck(bottleneck.channels, filters=bottleneck.filters).double()
    double.load_state_dict({key: value for key, value in state.items() if not key.startswith("_")}, strict=False)
    medians = double.quantiles[:, 0, 1].detach()
    reaches = torch.stack([medians - double.quantiles[:, 0, 0], double.quantiles[:, 0, 2] - medians]).detach()
    low, high = reaches.ceil().clamp(LEAST, 2**12).int().tolist()
    widest = max(a + b + 1 for a, b in zip(low, high, strict=True))
    start = medians - torch.tensor(low)
    samples = start[:, None, None] + torch.arange(widest, dtype=torch.float64)
    with torch.no_grad():
        _, likelihoods = double(samples.permute(1, 0, 2), training=False)
    masses = likelihoods[0].numpy()
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
