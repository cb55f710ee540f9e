"""Perceptual learned image compression via end-to-end JND-based optimization (Pakdaman, Nami, Gabbouj; ICIP 2024).

The paper trains networks of CompressAI under losses that know the just noticeable difference (`losses.py`); the network
here is the mean-scale hyperprior. Its streams decode to the same image everywhere: `exact.py`, `tables.py`.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgredux.errors import ImageError, StreamError, WeightsError
from imgredux.io import archives
from imgredux.methods.codec import Codec, Coded
from imgredux_jndlc.exact import SCALES, UNIT, ExactDecoder, scale_indexes
from imgredux_jndlc.network import Network, gaussian, straight
from imgredux_jndlc.parts import with_today_s_keys
from imgredux_jndlc.tables import STATE, Tables, factorized_tables, gaussian_tables

UNIT_OF_TILES = 64  # pixels
LARGEST_TILE = 2048  # pixels: the coder takes the symbols of a tile as a list
STRIDE = 16  # pixels to a latent, on either axis
HALO = 2  # latents around a tile that its pixels depend on, and pixels / 16 that its latents do
HEAD = struct.Struct("<fH")  # the level, and the side of tiles in units of 64 pixels
TILE = struct.Struct("<IIII")  # bytes of hyper-latents and latents; checksums of indexes, of head and symbols
LAMBDAS = (0.0018, 0.0035, 0.0067, 0.0130, 0.0250)
NAMES = ("flat", "lengths", "offsets")


class JndLc(Codec):
    """JND-LC on a mean-scale hyperprior: `(B, 3, H, W)` in [0, 1] to the decoded images and their bits.

    N, M: channels of the transforms, and of the latents. lambdas: the trade-off of squared grey levels against bits
    per pixel at each level of quality, rising; `quality=` in a call is a level, 0 to len(lambdas) - 1, whole or not.
    tile: latents are coded in squares of so many pixels, a multiple of 64.

    CompressAI's own weights of `mbt2018-mean`: `imgredux.get("jndlc", weights="mbt2018-mean-4-6dba02a3.pth.tar")`.

    Raises ValueError for lambdas that do not rise and tiles that are not multiples of 64.
    """

    def __init__(
        self,
        *,
        N: int = 32,
        M: int = 64,
        lambdas: tuple[float, ...] = LAMBDAS,
        tile: int = 1024,
    ) -> None:
        super().__init__()
        if not lambdas or list(lambdas) != sorted(set(lambdas)) or lambdas[0] <= 0:
            raise ValueError(f"lambdas {tuple(lambdas)}: give positive numbers that rise")
        if tile % UNIT_OF_TILES or not 0 < tile <= LARGEST_TILE:
            raise ValueError(f"tile is {tile}: give a multiple of {UNIT_OF_TILES} up to {LARGEST_TILE}")
        self.lambdas, self.tile = tuple(lambdas), tile
        middle = self.lambdas[len(self.lambdas) // 2]
        self.network = Network(N, M, tuple((value / middle) ** 0.5 for value in self.lambdas))
        for kind, name in product("yz", NAMES):
            self.register_buffer(f"{kind}_{name}", torch.empty(0, dtype=torch.int32))
        self._frozen: tuple[Tables, Tables, ExactDecoder, Tensor] | None = None

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A state dict of CompressAI's `mbt2018-mean` (`.pth`, `.tar`), else what a safetensors file says.

        Raises WeightsError for a file of CompressAI that holds another network.
        """
        if Path(path).suffix not in (".pth", ".tar", ".pt"):
            return super().read_weights(path)
        saved = archives.read_torch(path)
        state = with_today_s_keys(saved.get("state_dict", saved))
        if not {"g_a.6.weight", "h_s.4.weight"} <= state.keys() or state["g_a.6.weight"].ndim != 4:
            raise WeightsError(f"{path} holds no mean-scale hyperprior (CompressAI's mbt2018-mean)")
        N, M = state["h_a.4.weight"].shape[0], state["g_a.6.weight"].shape[0]
        options = {"N": N, "M": M, "lambdas": (1.0,)}
        fresh = cls(**options)
        buffers = ("_offset", "_quantized_cdf", "_cdf_length", "scale_table")
        own = {f"network.core.{key}": value for key, value in state.items() if not key.endswith(buffers)}
        fresh.load_state_dict(fresh.state_dict() | own)
        fresh.freeze()
        return options, fresh.state_dict()

    def train(self, mode: bool = True) -> "JndLc":
        """As in torch. Tables made of the weights do not outlive training: `freeze` makes new ones."""
        if mode:
            for kind, name in product("yz", NAMES):
                setattr(self, f"{kind}_{name}", getattr(self, f"{kind}_{name}").new_empty(0))
            self._frozen = None
        return super().train(mode)

    @torch.no_grad()
    def freeze(self) -> None:
        """Make the entropy coder's integer tables of the weights; afterwards `encode` works, and they can be saved."""
        bottleneck = self.network.core.entropy_bottleneck
        bottleneck._update_quantiles()
        for kind, tables in (("y", gaussian_tables(SCALES)), ("z", factorized_tables(bottleneck))):
            for name in NAMES:
                setattr(self, f"{kind}_{name}", getattr(tables, name).to(self._place.device))
        self._frozen = None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **keywords: Any) -> None:
        for kind, name in product("yz", NAMES):
            given = state_dict.get(f"{prefix}{kind}_{name}")
            if given is not None:
                setattr(self, f"{kind}_{name}", torch.empty_like(given, dtype=torch.int32, device=self._place.device))
        self._frozen = None
        super()._load_from_state_dict(state_dict, prefix, *args, **keywords)

    def frozen(self) -> tuple[Tables, Tables, ExactDecoder, Tensor] | None:
        """Tables of latents and hyper-latents, the integer decoder and its medians; None while there are none.

        Raises WeightsError for tables that are damaged.
        """
        buffers = dict(self.named_buffers(recurse=False))
        if self._frozen is None and buffers["y_flat"].numel():
            try:
                y, z = (Tables(*(buffers[f"{kind}_{name}"].cpu() for name in NAMES)) for kind in "yz")
            except ValueError as error:
                raise WeightsError(f"{self.label}: {error}") from error
            core = self.network.core
            medians = core.entropy_bottleneck.quantiles[:, 0, 1].detach().cpu()
            self._frozen = y, z, ExactDecoder(core.h_s), medians
        return self._frozen

    def forward(self, x: Tensor, *, quality: float | None = None) -> Coded:
        """The decoded images and their bits, as in the stream; `noisy` latents instead in training mode.

        x: `(B, 3, H, W)` in [0, 1], sides multiples of 64. quality: the level; None for the middle one. Gradients pass
        through the rounding as if it were not there. Raises ImageError for a level that there is not.
        """
        gains = self.network.gains(x.new_full((len(x),), self._level(quality)))
        if self.training:
            return Coded(*self.network.noisy(x, gains))
        y = self.network.core.g_a(x) * gains
        bits = x.new_full((len(x),), 8.0 * HEAD.size)
        y_hat = torch.empty_like(y)
        for rows, columns in tiles(y, self.tile):
            y_hat[..., rows, columns], tile_bits = self._simulated(y[..., rows, columns])
            bits = bits + tile_bits + 8 * (TILE.size + 2 * STATE)
        return Coded(self.network.core.g_s(y_hat / gains).clamp(0, 1), bits)

    def _simulated(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """The latents of a tile as they are decoded, and the bits that they and the hyper-latents take."""
        core, frozen = self.network.core, self.frozen()
        bottleneck = core.entropy_bottleneck
        medians = bottleneck.quantiles[:, 0, 1].detach()[:, None, None]
        z = straight(core.h_a(y) - medians)
        if frozen is not None:
            z = z + (frozen[1].clamp(z, _channels(z)) - z).detach()
        _, z_likely = bottleneck(z + medians, training=False)
        parameters = core.h_s(z + medians)
        if frozen is not None:
            exact = torch.cat([frozen[2](symbols[None], frozen[3]) for symbols in z.detach()]).to(y) / 2**UNIT
            parameters = parameters + (exact - parameters).detach()
        scales, means = parameters.chunk(2, 1)
        residuals = straight(y - means)
        if frozen is not None:
            residuals = residuals + (frozen[0].clamp(residuals, scale_indexes(scales)) - residuals).detach()
        bits = -gaussian(residuals, scales).log2().sum((1, 2, 3)) - z_likely.log2().sum((1, 2, 3))
        return residuals + means, bits

    def compress(self, x: Tensor, *, quality: float | None = None) -> Mapping[str, bytes]:
        """One part: the level, and for each tile its checksums and the strings of hyper-latents and latents."""
        y_tables, z_tables, exact, medians = self._tables()
        pieces = [HEAD.pack(self._level(quality), self.tile // UNIT_OF_TILES)]
        y = self._analyzed(x) * self.network.gains(x.new_tensor(HEAD.unpack(pieces[0])[:1]))
        for rows, columns in tiles(y, self.tile):
            tile = y[..., rows, columns]
            z = self.network.core.h_a(tile).cpu() - medians[:, None, None]
            symbols = z_tables.clamp(z.round_().int(), _channels(z))
            scales, means = (exact(symbols, medians).float() / 2**UNIT).chunk(2, 1)
            indexes = scale_indexes(scales)
            residuals = y_tables.clamp((tile.cpu() - means).round_().int(), indexes)
            strings = z_tables.encode(symbols, _channels(symbols)), y_tables.encode(residuals, indexes)
            checks = _crc(indexes), _crc(symbols, residuals, head=pieces[0])
            pieces += TILE.pack(*map(len, strings), *checks), *strings
        return {"tiles": b"".join(pieces)}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        """Raises StreamError for a payload whose lengths, checksums or level cannot be."""
        try:
            if payload.keys() != {"tiles"}:
                raise ValueError(f"its parts are {sorted(payload)}")
            content = payload["tiles"]
            level, units = HEAD.unpack_from(content)
            gains = self.network.gains(self._place.new_tensor([self._level(level)]))
            y_hat = self._decoded_latents(content, shape[-2] // STRIDE, shape[-1] // STRIDE, units * UNIT_OF_TILES)
        except (ValueError, struct.error) as error:
            raise StreamError(f"no payload of {self.spec.name}: {error}", "corrupt") from error
        with one_thread():
            return self._synthesised(y_hat.to(self._place) / gains)

    def _decoded_latents(self, content: bytes, height: int, width: int, tile: int) -> Tensor:
        """Latents of this size, in tiles of this side in pixels. Raises ValueError and struct.error."""
        count = math.prod(math.ceil(n * STRIDE / max(tile, 1)) for n in (height, width))
        if not 0 < tile <= LARGEST_TILE or len(content) < HEAD.size + count * (TILE.size + 2 * STATE):
            raise ValueError(f"{len(content)} bytes for {count} tiles of {tile} pixels")
        y_tables, z_tables, exact, medians = self._tables()
        y_hat = torch.empty(1, self.network.core.M, height, width)
        at = HEAD.size
        for rows, columns in tiles(y_hat, tile):
            part = y_hat[..., rows, columns]
            first, second, index_crc, symbol_crc = TILE.unpack_from(content, at)
            at += TILE.size + first + second
            hyper, latents = content[at - first - second : at - second], content[at - second : at]
            if len(hyper) + len(latents) != first + second:
                raise ValueError(f"{at - len(content)} bytes are missing")
            z = part.new_empty(1, len(medians), part.shape[-2] // 4, part.shape[-1] // 4)
            symbols = z_tables.decode(hyper, _channels(z))
            scales, means = (exact(symbols, medians).float() / 2**UNIT).chunk(2, 1)
            indexes = scale_indexes(scales)
            if _crc(indexes) != index_crc:
                raise ValueError("the checksum of the scales differs")
            residuals = y_tables.decode(latents, indexes)
            if _crc(symbols, residuals, head=content[: HEAD.size]) != symbol_crc:
                raise ValueError("the checksum of the latents differs")
            part.copy_(residuals + means)
        if at != len(content):
            raise ValueError(f"{len(content) - at} bytes are left over")
        return y_hat

    def _analyzed(self, x: Tensor) -> Tensor:
        """The latents of an image, tile by tile: the same as of the whole image, in less memory."""
        y = x.new_empty(1, self.network.core.M, *(n // STRIDE for n in x.shape[-2:]))
        for rows, columns in tiles(y, self.tile):
            part, inner = _with_halo(rows, columns)
            pixels = x[(..., *(slice(side.start * STRIDE, side.stop * STRIDE) for side in part))]
            y[..., rows, columns] = self.network.core.g_a(pixels)[(..., *inner)]
        return y

    def _synthesised(self, y_hat: Tensor) -> Tensor:
        """The image of latents, tile by tile."""
        if max(y_hat.shape[-2:]) * STRIDE <= self.tile:
            return self.network.core.g_s(y_hat).clamp_(0, 1)  # in one piece, not copied
        x = y_hat.new_empty(1, 3, *(n * STRIDE for n in y_hat.shape[-2:]))
        for rows, columns in tiles(y_hat, self.tile):
            part, inner = _with_halo(rows, columns)
            pixels = self.network.core.g_s(y_hat[(..., *part)])
            own = (slice(side.start * STRIDE, side.stop * STRIDE) for side in inner)
            x[..., *(slice(side.start * STRIDE, side.stop * STRIDE) for side in (rows, columns))] = pixels[(..., *own)]
        return x.clamp_(0, 1)

    def _level(self, quality: float | None) -> float:
        top = len(self.lambdas) - 1
        level = float(len(self.lambdas) // 2 if quality is None else quality)
        if not 0 <= level <= top:
            raise ImageError(f"quality is {level:g}: {self.label} has levels from 0 to {top}")
        return level

    def _tables(self) -> tuple[Tables, Tables, ExactDecoder, Tensor]:
        found = self.frozen()
        if found is None:
            raise WeightsError("these weights have no tables of the entropy coder: call freeze() when they are trained")
        return found


def tiles(y: Tensor, tile: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles of latents `(..., h, w)`, of so many pixels a side."""
    (height, width), side = y.shape[-2:], tile // STRIDE
    for top, left in product(range(0, height, side), range(0, width, side)):
        yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


@contextmanager
def one_thread() -> Iterator[None]:
    """With several threads convolutions may sum in another order, and what is rounded may fall to the other side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _with_halo(rows: slice, columns: slice) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """A tile of latents with its halo, and its place therein; slices that end beyond the image end there."""
    part = tuple(slice(max(side.start - HALO, 0), side.stop + HALO) for side in (rows, columns))
    inner = tuple(
        slice(side.start - outer.start, side.stop - outer.start)
        for side, outer in zip((rows, columns), part, strict=True)
    )
    return part, inner  # pyright: ignore[reportReturnType]


def _channels(z: Tensor) -> Tensor:
    """The channel of each hyper-latent `(B, N, h, w)`: the index of its table."""
    return torch.arange(z.shape[1], device=z.device)[:, None, None].expand(z.shape)


def _crc(*symbols: Tensor, head: bytes = b"") -> int:
    """The CRC-32 of some bytes and of integers, as little-endian int32 one after another."""
    value = zlib.crc32(head)
    for tensor in symbols:
        value = zlib.crc32(tensor.int().contiguous().numpy().astype("<i4", copy=False).tobytes(), value)
    return value
