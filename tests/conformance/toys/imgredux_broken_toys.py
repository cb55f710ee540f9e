"""The toys, each with one fault: what the suites must catch."""

import os
import random

import numpy as np
import torch
from imgredux_toys import Blocks, Contrast, Quantizer, Shrink
from torch import Tensor
from torch.nn import functional as F

from imgredux import Coded, Method


class Cropped(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[..., 1:, :]


class NeedsEight(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(F.pixel_unshuffle(super().forward(x), 8), 8)


class NeedsFour(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (3, 3, 3, 3), mode="reflect"))[..., 3:-3, 3:-3]


class NeedsLuck(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no size will do")


class FloatOnly(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class Squeezed(Contrast):
    def __call__(self, image, /, **options):
        result = super().__call__(image, **options)
        return result[None] if getattr(image, "ndim", 0) == 3 and isinstance(image, Tensor) else result


class Imprecise(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (1.01 if x.dtype == torch.float64 else 1)


class BatchNormed(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward((x - x.mean()) / x.std())


class Leaks(Contrast):
    """A hundredth of the other images' mean comes through."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 0.01 * x.mean()


class OtherInGraphs(Contrast):
    """Twice the map in what `torch.export` makes of it."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (2 if torch.compiler.is_exporting() else 1)


class Stateful(Contrast):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) + 1e-6 * self.calls


class InPlace(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(0.5))


class DrawsTorch(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 0 * torch.rand(1)


class DrawsNumpy(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 0 * float(np.random.rand())  # noqa: NPY002 - the fault


class DrawsPython(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 0 * random.random()


class OwnUnits(Contrast):
    def give(self, source, result):
        return result[0, 0].numpy()


class WideMap(Contrast):
    def give(self, source, result):
        return super().give(source, result).astype(np.float64)


class Unturned(Contrast):
    _reads_stored = True


class Detached(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.detach())


class SteepAtZero(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return (super().forward(x) - 3 / 255).sqrt() + 3 / 255


class TakesAnything(Blocks):
    def _check(self, x: Tensor) -> None:
        pass


class HalfNan(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * (float("nan") if x.dtype == torch.float16 else 1)


class WiderThanSaid(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(super().forward(x), (3, 3, 3, 3), mode="replicate"), 7, 1)


class WholeImage(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x.mean((1, 2, 3), keepdim=True) / 100


class Negative(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - 4 / 255


class NanOnFlat(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        contrast = super().forward(x) - 3 / 255
        return 3 / 255 + 0.1 * contrast / contrast.amax((1, 2, 3), keepdim=True)


class GrayLevels(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * 255


class Ramp(Contrast):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + torch.linspace(0, 0.01, x.shape[-1], dtype=x.dtype)


class FlatThresholds(Blocks):
    def thresholds(self, x: Tensor) -> Tensor:
        return super().thresholds(x).flatten(3)


class NoThresholds(Blocks):
    def thresholds(self, x: Tensor) -> Tensor:
        return super().thresholds(x) - 16


class Unclipped(Shrink):
    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        return super().forward(x, qtable=qtable) * 1.1 - 0.05


class Idle(Shrink):
    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        return x


class Blur(Shrink):
    def forward(self, x: Tensor, *, qtable: Tensor | None = None) -> Tensor:
        return F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)


class Eager(Blur):
    def adapt(self, image, options, tile=None):
        return Method.adapt(self, image, options, tile)


class IgnoresFiles(Shrink):
    def _options(self, source):
        return {}


class NeedsSteps(Shrink):
    def forward(self, x: Tensor, *, qtable: Tensor | float | None = 1.0) -> Tensor:
        return super().forward(x if qtable is None else x * 0.9)


class LosesAlpha(Shrink):
    def give(self, source, result):
        color = np.asarray(super().give(source, result)).copy()
        color[..., -1] = 255
        return color


class LosesMode(Shrink):
    def give(self, source, result):
        return np.asarray(super().give(source, result))


class DecodesDarker(Quantizer):
    def decompress(self, payload, shape):
        return super().decompress(payload, shape) * 0.98


class DependsOnProcess(Quantizer):
    def decompress(self, payload, shape):
        return super().decompress(payload, shape) * (0.9 + os.getpid() % 7 / 100)


class DependsOnThreads(Quantizer):
    def decompress(self, payload, shape):
        return super().decompress(payload, shape) * (1 - torch.get_num_threads() / 20)


class Boastful(Quantizer):
    def forward(self, x: Tensor) -> Coded:
        coded = super().forward(x)
        return Coded(coded.image, coded.bits * 0.8)


class OneNumber(Quantizer):
    def forward(self, x: Tensor) -> Coded:
        coded = super().forward(x)
        return Coded(coded.image, coded.bits.sum())


class Stubborn(Quantizer):
    def compress(self, x: Tensor, *, depth: int | None = None):
        return super().compress(x)


class BelievesPayloads(Quantizer):
    def decompress(self, payload, shape):
        return super().decompress({"depth": payload["depth"], "samples": payload["samples"]}, shape)


class Crashes(Quantizer):
    def decompress(self, payload, shape):
        if len(payload) != 2:
            os.abort()
        return super().decompress(payload, shape)


class AnyWeights(Quantizer):
    def decode(self, data, **options):
        return np.zeros((24, 40, 3), np.uint8)


class StreamsOpaque(Quantizer):
    def decode(self, data, **options):
        return super().decode(data).convert("RGB")
