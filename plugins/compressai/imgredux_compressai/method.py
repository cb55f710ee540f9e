"""The codecs of CompressAI's zoo behind imgredux's contract: its networks, our coder and container.

CompressAI's range coder reads beyond the end of a damaged string. `imgredux_jndlc.tables` does not, and a stream whose
checksum differs gives no image.
"""

import copy
import struct
from collections.abc import Mapping
from os import PathLike
from typing import Any, NamedTuple, Protocol

import torch
from imgredux_jndlc.bottleneck import EntropyBottleneck
from imgredux_jndlc.frozen import channels_of
from imgredux_jndlc.hyperprior import from_compressai
from imgredux_jndlc.likelihood import gaussian, in_place_of
from imgredux_jndlc.tables import SCALES, Reader, Tables, Writer, factorized_tables, gaussian_tables, scale_indexes
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.batch.processes import one_thread
from imgredux.errors import StreamError, WeightsError
from imgredux.methods.codec import Codec, Coded
from imgredux.methods.weights import read_checkpoint
from imgredux_compressai.zoo import is_recurrent, network_of

NEEDS = 'compressai runs networks from files: imgredux.get("compressai", weights="mbt2018-mean-4-6dba02a3.pth.tar")'
CRC = struct.Struct("<I")
UNIT = 2.0**12  # what scales are compared with their tables in
REACH = 2  # latents around one that its context sees
PRIOR = "entropy_bottleneck."


class Known(NamedTuple):
    """What a decoder knows in the end, float64: hyper-latents and latents, and of these scales and means."""

    z: Tensor
    y: Tensor
    scales: Tensor | None = None
    means: Tensor | None = None


class Side(Protocol):
    """An encoder or a decoder: what is coded at a place, given what lies in the middle of its tables."""

    def __call__(self, kind: str, tables: Tables, indexes: Tensor, centers: Tensor, place: Any) -> Tensor:
        """Symbols of the shape of the indexes."""
        ...


class CompressAI(Codec):
    """A network of CompressAI: `(B, 3, H, W)` in [0, 1] to the decoded images and their bits.

    network, architecture: what `weights=FILE` is found to hold. In evaluation `forward` gives what a stream decodes to,
    with straight-through gradients; joint autoregressive networks take as long for it as for a stream, since each
    latent waits for those before it. In training mode it is the network's own `forward`.

    Parameters of latents are computed in float64. That makes it unlikely, not impossible, that another machine finds
    another scale; it would then refuse the stream. Raises WeightsError without a network.
    """

    def __init__(self, *, network: nn.Module | None = None, architecture: str = "") -> None:
        super().__init__()
        if network is None:
            raise WeightsError(NEEDS)
        self.network, self.architecture = network, architecture
        self._ready: tuple[Tables, Tables, EntropyBottleneck, nn.ModuleDict] | None = None

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The network of a checkpoint: of CompressAI's own files, or of its training. Raises WeightsError."""
        try:
            name, network = network_of(read_checkpoint(path))
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from None
        state = {f"network.{key}": value for key, value in network.state_dict().items()}
        return {"network": network, "architecture": name}, state

    def train(self, mode: bool = True) -> "CompressAI":
        """As in torch; what is made of the weights is made again after training."""
        self._ready = None
        return super().train(mode)

    def forward(self, x: Tensor) -> Coded:
        """x: sides multiples of 64."""
        if self.training:
            found = self.network(x)
            bits = [-likely.log2().sum((1, 2, 3)) for likely in found["likelihoods"].values()]
            return Coded(found["x_hat"], torch.stack(bits).sum(0))
        images, bits = zip(*(self._simulated(one[None]) for one in x), strict=True)
        return Coded(torch.cat(images), torch.stack(bits))

    def _simulated(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The image that a stream decodes to, and its bits, of one image."""
        *_, prior, _ = self._prepared()
        latents = self._latents(x)
        writer = Writer()
        known = self._coded(latents["y"].shape, Encoding(writer, latents))
        y, z = (in_place_of(latents[kind], value.to(x)) for kind, value in (("y", known.y), ("z", known.z)))
        soft = -prior.likelihood(z.double()).log2().sum()
        if known.scales is not None:
            assert known.means is not None
            soft = soft - gaussian(y.double() - known.means, known.scales).log2().sum()
        bits = in_place_of(soft.to(x), x.new_tensor(8.0 * (len(writer.string()) + CRC.size)))
        return self.network.g_s(y).clamp(0, 1), bits  # pyright: ignore[reportCallIssue]

    def compress(self, x: Tensor) -> Mapping[str, bytes]:
        """One part: the checksum, and the string of hyper-latents and latents."""
        latents, writer = self._latents(x), Writer()
        self._coded(latents["y"].shape, Encoding(writer, latents))
        return {"latents": CRC.pack(writer.crc) + writer.string()}

    def decompress(self, payload: Mapping[str, bytes], shape: tuple[int, int, int]) -> Tensor:
        """Raises StreamError for a payload that `compress` cannot have written here."""
        try:
            if payload.keys() != {"latents"}:
                raise ValueError(f"its parts are {sorted(payload)}")
            (crc,) = CRC.unpack_from(payload["latents"])
            side = Decoding(Reader(payload["latents"][CRC.size :]))
            y = self._coded((1, self.network.M, shape[-2] // 16, shape[-1] // 16), side).y
            side.reader.end(crc)
        except (ValueError, struct.error) as error:
            raise StreamError(f"no payload of {self.spec.name} from a machine like this: {error}", "corrupt") from error
        with one_thread():
            return self.network.g_s(y.to(self._place)).clamp_(0, 1)  # pyright: ignore[reportCallIssue]

    def _latents(self, x: Tensor) -> dict[str, Tensor]:
        """Latents and hyper-latents; of a network without a hyperprior the latents are both."""
        y = self.network.g_a(x)  # pyright: ignore[reportCallIssue]
        if not hasattr(self.network, "h_a"):
            return {"y": y, "z": y}
        of_sizes = self.architecture == "bmshj2018-hyperprior"
        return {"y": y, "z": self.network.h_a(y.abs() if of_sizes else y)}  # pyright: ignore[reportCallIssue]

    @torch.no_grad()
    def _coded(self, shape: Any, side: Side) -> Known:
        """Latents of a shape, as they are decoded."""
        y_tables, z_tables, prior, double = self._prepared()
        _, M, height, width = shape
        deep = "h_s" in double
        z = torch.empty(1, prior.channels, height // (4 if deep else 1), width // (4 if deep else 1))
        medians = prior.medians.expand(z.shape)
        z = side("z", z_tables, channels_of(z), medians, ...) + medians
        if not deep:
            return Known(z, z)
        features = double["h_s"](z)
        if is_recurrent(self.network):
            return self._in_raster_order(z, features, side)
        scales, means = features.chunk(2, 1) if features.shape[1] == 2 * M else (features, torch.zeros_like(features))
        indexes = scale_indexes(scales * UNIT)
        return Known(z, side("y", y_tables, indexes, means, ...) + means, scales, means)

    def _in_raster_order(self, z: Tensor, features: Tensor, side: Side) -> Known:
        """Latents one place after another, each with those above and to the left of it as its context."""
        y_tables, _, _, double = self._prepared()
        context = double["context_prediction"]
        kernel = context.weight * context.mask  # pyright: ignore[reportOperatorIssue]
        M, (height, width) = features.shape[1] // 2, features.shape[-2:]
        y = F.pad(features.new_zeros(1, M, height, width), (REACH,) * 4)
        scales, means = (features.new_empty(1, M, height, width) for _ in range(2))
        for i in range(height):
            for j in range(width):
                around = y[..., i : i + 2 * REACH + 1, j : j + 2 * REACH + 1]
                seen = F.conv2d(around, kernel, context.bias)  # pyright: ignore[reportArgumentType]
                found = double["entropy_parameters"](torch.cat([features[..., i : i + 1, j : j + 1], seen], 1))
                scale, mean = found.flatten().chunk(2)
                scales[0, :, i, j], means[0, :, i, j] = scale, mean
                symbols = side("y", y_tables, scale_indexes(scale * UNIT), mean, (0, slice(None), i, j))
                y[0, :, i + REACH, j + REACH] = symbols + mean
        return Known(z, y[..., REACH:-REACH, REACH:-REACH].contiguous(), scales, means)

    def _prepared(self) -> tuple[Tables, Tables, EntropyBottleneck, nn.ModuleDict]:
        """Tables of latents and hyper-latents, the prior, and the networks of parameters in float64 on the CPU."""
        if self._ready is None:
            state = from_compressai({key: value.cpu() for key, value in self.network.state_dict().items()})
            own = {key.removeprefix(PRIOR): value for key, value in state.items() if key.startswith(PRIOR)}
            prior = EntropyBottleneck(len(own["quantiles"]))
            prior.load_state_dict(own)
            names = ("h_s", "context_prediction", "entropy_parameters")
            parts = {name: copy.deepcopy(part) for name, part in self.network.named_children() if name in names}
            double = nn.ModuleDict(parts).cpu().double().requires_grad_(False).eval()
            prior = prior.double().requires_grad_(False)
            medians = prior.medians.clone()
            prior.find_quantiles()  # of a checkpoint in the midst of training they are anywhere
            prior.quantiles[:, :, 1:2] = medians
            self._ready = gaussian_tables(SCALES), factorized_tables(prior), prior, double
        return self._ready

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ready": None}


class Encoding:
    """Writes what is nearest to the latents."""

    def __init__(self, writer: Writer, latents: Mapping[str, Tensor]) -> None:
        self.writer = writer
        self._latents = {kind: value.detach().cpu().double() for kind, value in latents.items()}

    def __call__(self, kind: str, tables: Tables, indexes: Tensor, centers: Tensor, place: Any) -> Tensor:
        indexes = indexes.int()
        symbols = tables.clamp((self._latents[kind][place] - centers).round().int(), indexes)
        self.writer.put(tables, indexes.flatten(), symbols.flatten())
        return symbols


class Decoding:
    """Reads what was written."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __call__(self, kind: str, tables: Tables, indexes: Tensor, centers: Tensor, place: Any) -> Tensor:
        return self.reader.get(tables, indexes.flatten()).view(indexes.shape)
