"""Perceptual learned image compression via end-to-end JND-based optimization (Pakdaman, Nami, Gabbouj; ICIP 2024).

The paper trains networks of CompressAI under losses that know the just noticeable difference (`losses.py`); the network
here is `separable.py`, or the mean-scale hyperprior. Streams decode to the same image everywhere: `exact.py`.
"""

import math
import struct
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from imgredux.batch.processes import one_thread
from imgredux.errors import ImageError, StreamError, WeightsError
from imgredux.io import archives
from imgredux.kernels import traced
from imgredux.methods.codec import Codec, Coded
from imgredux_jndlc.exact import UNIT
from imgredux_jndlc.frozen import NAMES, Frozen, step_sizes
from imgredux_jndlc.hyperprior import from_compressai, hyperprior
from imgredux_jndlc.likelihood import gaussian, in_place_of, straight
from imgredux_jndlc.network import Network
from imgredux_jndlc.places import STRIDE, pixels_of, tiles, with_halo
from imgredux_jndlc.separable import separable
from imgredux_jndlc.tables import SCALES, Reader, Tables, Writer, factorized_tables, gaussian_tables

UNIT_OF_TILES = 64  # pixels
LARGEST_TILE = 4096  # pixels
HEAD = struct.Struct("<HH")  # the level in 256ths, and the side of tiles in units of 64 pixels
TILE = struct.Struct("<II")  # bytes of the string; checksum of head, indexes and symbols
FRACTION = 256  # parts of a level
LAMBDAS = (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932)
STATE = 8  # bytes that the coder writes beyond the symbols' own


class JndLc(Codec):
    """JND-LC: `(B, 3, H, W)` in [0, 1] to the decoded images and their bits.

    transforms: "separable", or "hyperprior", whose weights CompressAI can read and write. N, M: channels of the
    hyper-latents, and of the latents; of "hyperprior", N within the transforms too. widths, depths: of "separable",
    channels and blocks at 1/4, 1/8 and 1/16 of the sides. passes: 1, 2 or 4 in which the latents are coded, each
    knowing those before. lambdas: the trade-off of squared grey levels against bits per pixel at each level of quality,
    rising; `quality=` in a call is a level, 0 to len(lambdas) - 1, in 256ths. tile: latents are coded in squares of so
    many pixels, a multiple of 64.

    CompressAI's own weights of `mbt2018-mean`: `imgredux.get("jndlc", weights="mbt2018-mean-4-6dba02a3.pth.tar")`.

    Raises ValueError for lambdas that do not rise, other passes, and tiles that are not multiples of 64.
    """

    def __init__(
        self,
        *,
        transforms: Literal["separable", "hyperprior"] = "separable",
        N: int = 64,
        M: int = 192,
        widths: tuple[int, int, int] = (64, 96, 256),
        depths: tuple[int, int, int] = (1, 2, 2),
        passes: int = 2,
        lambdas: tuple[float, ...] = LAMBDAS,
        tile: int = 1024,
    ) -> None:
        super().__init__()
        if not lambdas or list(lambdas) != sorted(set(lambdas)) or lambdas[0] <= 0:
            raise ValueError(f"lambdas {tuple(lambdas)}: give positive numbers that rise")
        if tile % UNIT_OF_TILES or not 0 < tile <= LARGEST_TILE:
            raise ValueError(f"tile is {tile}: give a multiple of {UNIT_OF_TILES} up to {LARGEST_TILE}")
        if passes not in (1, 2, 4):
            raise ValueError(f"passes is {passes}: give 1, 2 or 4")
        self.lambdas, self.tile = tuple(lambdas), tile
        sizes: Any = tuple(widths), tuple(depths), passes  # lists, where they come from a file
        core = hyperprior(N, M) if transforms == "hyperprior" else separable(N, M, *sizes)
        middle = self.lambdas[len(self.lambdas) // 2]
        self.network = Network(core, tuple((value / middle) ** 0.5 for value in self.lambdas))
        for name in NAMES:
            self.register_buffer(name, torch.empty(0, dtype=torch.int32))
        self._frozen: Frozen | None = None

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A state dict of CompressAI's `mbt2018-mean` (`.pth`, `.tar`), else what a safetensors file says.

        Raises WeightsError for a file of CompressAI that holds another network.
        """
        if Path(path).suffix not in (".pth", ".tar", ".pt"):
            return super().read_weights(path)
        saved = archives.read_torch(path)
        state = from_compressai(saved.get("state_dict", saved))
        if not {"g_a.6.weight", "h_s.4.weight"} <= state.keys() or state["g_a.6.weight"].ndim != 4:
            raise WeightsError(f"{path} holds no mean-scale hyperprior (CompressAI's mbt2018-mean)")
        N, M = state["h_a.4.weight"].shape[0], state["g_a.6.weight"].shape[0]
        options = {"transforms": "hyperprior", "N": N, "M": M, "lambdas": (1.0,)}
        fresh = cls(**options)
        fresh.network.core.load_state_dict(state)
        fresh.freeze()
        return options, fresh.state_dict()

    @property
    def knob(self) -> tuple[str, tuple[int | float | str, ...]]:
        """The levels that these weights have."""
        return "quality", tuple(range(len(self.lambdas)))

    def train(self, mode: bool = True) -> "JndLc":
        """As in torch. Tables made of the weights do not outlive training: `freeze` makes new ones."""
        if mode:
            for name in NAMES:
                setattr(self, name, getattr(self, name).new_empty(0))
            self._frozen = None
        return super().train(mode)

    @torch.no_grad()
    def freeze(self) -> None:
        """Make the entropy coder's integer tables of the weights; afterwards `encode` works, and they can be saved."""
        bottleneck = self.network.core.entropy_bottleneck
        bottleneck.find_quantiles()
        made = {"steps": step_sizes(self.network.gain)}
        for kind, tables in (("y", gaussian_tables(SCALES)), ("z", factorized_tables(bottleneck.cpu()))):
            made |= {f"{kind}_{name}": getattr(tables, name) for name in ("flat", "lengths", "offsets")}
        for name in NAMES:
            setattr(self, name, made[name].to(self._place.device))
        self.to(self._place.device)
        self._frozen = None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any, **keywords: Any) -> None:
        for name in NAMES:
            given = state_dict.get(f"{prefix}{name}")
            if given is not None:
                setattr(self, name, torch.empty_like(given, dtype=torch.int32, device=self._place.device))
        self._frozen = None
        super()._load_from_state_dict(state_dict, prefix, *args, **keywords)

    def frozen(self) -> Frozen | None:
        """What streams are read and written by; None while there is none.

        Raises WeightsError for tables that are damaged.
        """
        made = dict(self.named_buffers(recurse=False))
        if self._frozen is None and made["y_flat"].numel():
            buffers = {name: buffer.cpu() for name, buffer in made.items()}
            try:
                y, z = (
                    Tables(*(buffers[f"{kind}_{name}"] for name in ("flat", "lengths", "offsets"))) for kind in "yz"
                )
                self._frozen = Frozen(self.network.core, y, z, buffers["steps"])
            except ValueError as error:
                raise WeightsError(f"{self.label}: {error}") from error
        return self._frozen

    def forward(self, x: Tensor, *, quality: float | None = None) -> Coded:
        """The decoded images and their bits, as in the stream; `noisy` latents instead in training mode.

        x: `(B, 3, H, W)` in [0, 1], sides multiples of 64. quality: the level; None for the middle one. Gradients pass
        through the rounding as if it were not there. Raises ImageError for a level that there is not.
        """
        level = self._level(quality)
        steps = self.network.steps(x.new_full((len(x),), level / FRACTION))
        if self.training:
            return Coded(*self.network.noisy(x, steps))
        # One by one: in a batch convolutions may sum in another order, and a latent fall to the other side of a half.
        each = [self._simulated(one[None], steps[:1], level) for one in x]
        return Coded(*(torch.cat(parts) for parts in zip(*each, strict=True)))

    def _simulated(self, x: Tensor, steps: Tensor, level: int) -> tuple[Tensor, Tensor]:
        """One image as a stream gives it, and the bits of the stream."""
        frozen = None if traced() else self.frozen()  # a graph has no integers: now and then it rounds a latent apart
        if frozen is not None:
            steps = in_place_of(steps, frozen.steps_at(level).to(x))
        y = self.network.core.g_a(x) / steps
        bits = x.new_full((1,), 8.0 * HEAD.size)
        y_hat = torch.empty_like(y)
        for rows, columns in tiles(y, self.tile):
            y_hat[..., rows, columns], tile_bits = self._simulated_tile(y[..., rows, columns], frozen)
            bits = bits + tile_bits + 8 * (TILE.size + STATE)
        return self.network.core.g_s(y_hat * steps).clamp(0, 1), bits

    def _simulated_tile(self, y: Tensor, frozen: Frozen | None) -> tuple[Tensor, Tensor]:
        """The latents of a tile as they are decoded, and the bits that they and the hyper-latents take."""
        core = self.network.core
        medians = core.entropy_bottleneck.medians
        z = core.h_a(y) - medians
        symbols = straight(z)
        known = None if frozen is None else frozen.coded(y.detach(), z.detach())
        if known is not None:
            symbols = in_place_of(symbols, known.z.to(y))
        bits = -core.entropy_bottleneck.likelihood(symbols + medians).log2().sum((1, 2, 3))
        features = core.h_s(symbols + medians)
        y_hat = torch.zeros_like(y)
        for number, mask in enumerate(core.masks(y)):
            parameters = core.parameters_of(number, features, y_hat)
            if known is not None:
                parameters = in_place_of(parameters, known.parameters[number].to(y))
            scales, means = parameters.chunk(2, 1)
            residuals = straight(y - means)
            if known is not None:
                residuals = in_place_of(residuals, known.y.to(y) - means)
            bits = bits - torch.where(mask, gaussian(residuals, scales).log2(), 0).sum((1, 2, 3))
            y_hat = torch.where(mask, residuals + means, y_hat)
        return y_hat, bits

    def compress(self, x: Tensor, *, quality: float | None = None) -> Mapping[str, bytes]:
        """One part: the level, and for each tile its checksum and the string of hyper-latents and latents."""
        frozen, core = self._ready(), self.network.core
        level = self._level(quality)
        head = HEAD.pack(level, self.tile // UNIT_OF_TILES)
        pieces = [head]
        y = self._analyzed(x) / frozen.steps_at(level).to(x)
        for rows, columns in tiles(y, self.tile):
            tile, writer = y[..., rows, columns], Writer(head)
            frozen.coded(tile, core.h_a(tile) - core.entropy_bottleneck.medians, writer)
            string = writer.string()
            pieces += TILE.pack(len(string), writer.crc), string
        return {"tiles": b"".join(pieces)}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        """Raises StreamError for a payload whose lengths, checksums or level cannot be."""
        try:
            if payload.keys() != {"tiles"}:
                raise ValueError(f"its parts are {sorted(payload)}")
            content = payload["tiles"]
            level, units = HEAD.unpack_from(content)
            self._level(level / FRACTION)
            y_hat = self._decoded_latents(content, shape[-2] // STRIDE, shape[-1] // STRIDE, units * UNIT_OF_TILES)
        except (ValueError, struct.error) as error:
            raise StreamError(f"no payload of {self.spec.name}: {error}", "corrupt") from error
        return self._synthesized(y_hat, level)

    def _decoded_latents(self, content: bytes, height: int, width: int, tile: int) -> Tensor:
        """Latents of this size, in tiles of this side in pixels: int32. Raises ValueError and struct.error."""
        count = math.prod(math.ceil(n * STRIDE / max(tile, 1)) for n in (height, width))
        if not 0 < tile <= LARGEST_TILE or len(content) < HEAD.size + count * TILE.size:
            raise ValueError(f"{len(content)} bytes for {count} tiles of {tile} pixels")
        frozen = self._ready()
        y_hat = torch.empty(1, self.network.core.M, height, width, dtype=torch.int32)
        at = HEAD.size
        for rows, columns in tiles(y_hat, tile):
            part = y_hat[..., rows, columns]
            length, crc = TILE.unpack_from(content, at)
            at += TILE.size + length
            string = content[at - length : at]
            if len(string) != length:
                raise ValueError(f"{at - len(content)} bytes are missing")
            reader = Reader(string, content[: HEAD.size])
            part.copy_(frozen.decoded(reader, part.shape[-2], part.shape[-1]))
            reader.end(crc)
        if at != len(content):
            raise ValueError(f"{len(content) - at} bytes are left over")
        return y_hat

    def _analyzed(self, x: Tensor) -> Tensor:
        """The latents of an image, tile by tile: the same as of the whole image, in less memory."""
        core = self.network.core
        y = x.new_empty(1, core.M, *(n // STRIDE for n in x.shape[-2:]))
        for rows, columns in tiles(y, self.tile):
            part, inner = with_halo(rows, columns, core.halo)
            y[..., rows, columns] = core.g_a(x[(..., *pixels_of(part))])[(..., *inner)]
        return y

    def _synthesized(self, y_hat: Tensor, level: int) -> Tensor:
        """The image of latents in units of 2**-12, tile by tile."""
        frozen, core = self._ready(), self.network.core
        x = self._place.new_empty(1, 3, *(n * STRIDE for n in y_hat.shape[-2:]))
        for rows, columns in tiles(y_hat, self.tile):
            part, inner = with_halo(rows, columns, core.halo)
            scaled = frozen.scaled(y_hat[(..., *part)], level)
            if frozen.synthesis is not None:
                pixels = frozen.synthesis(scaled).mul_(2.0**-UNIT)
            else:
                with one_thread():
                    pixels = core.g_s(scaled.mul_(2.0**-UNIT).to(self._place))
            x[(..., *pixels_of((rows, columns)))] = pixels[(..., *pixels_of(inner))]
        return x.clamp_(0, 1)

    def _level(self, quality: float | None) -> int:
        """In 256ths."""
        top = len(self.lambdas) - 1
        level = float(len(self.lambdas) // 2 if quality is None else quality)
        if not 0 <= level <= top:
            raise ImageError(f"quality is {level:g}: {self.label} has levels from 0 to {top}")
        return round(level * FRACTION)

    def _ready(self) -> Frozen:
        found = self.frozen()
        if found is None:
            raise WeightsError("these weights have no tables of the entropy coder: call freeze() when they are trained")
        return found
