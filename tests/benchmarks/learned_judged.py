"""Weights of one learned codec against one another, judged by SSIMULACRA 2 of its authors' C++ program and by PSNR.

python -m tests.benchmarks.learned_judged jndlc=more.safetensors jndlc=map.safetensors --program P --data cid22

Bytes of each at equal quality against the first, BD-rate by image over the values of the knob. What training under a
loss of the just noticeable difference is worth shows against weights that had the same further steps without it.
"""

import argparse
import io
import statistics
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import imgredux
from imgredux.datasets import folder
from imgredux.evaluate.bd_rate import Curve, mean_saving
from imgredux.metrics import psnr
from imgredux.protocols.base import eight_bit
from tests.benchmarks.second_opinion import theirs


def named(name: str) -> imgredux.Codec:
    base, _, file = name.partition("=")
    codec = imgredux.get(base, weights=file or None)
    assert isinstance(codec, imgredux.Codec), f"{name} is no codec"
    return codec


def decoded(codec: imgredux.Codec, data: bytes) -> Tensor:
    if data[1:4] == b"IRX":
        return imgredux.to_tensor(codec.decode(data))
    with Image.open(io.BytesIO(data)) as image:
        return imgredux.to_tensor(image.convert("RGB"))


@torch.no_grad()
def curves(program: str, names: list[str], place: str, limit: int | None) -> dict[str, dict[str, dict[str, Curve]]]:
    """By quality, by codec, by image."""
    found: dict[str, dict[str, dict[str, Curve]]] = {"SSIMULACRA 2": {}, "PSNR": {}}
    for name in names:
        codec = named(name)
        keyword, values = codec.knob or ("", ())
        for item in folder(place).items[:limit]:
            image = eight_bit(item.read()).expand(-1, 3, -1, -1)
            scores, decibels = [], []
            for value in values:
                data = codec.encode(image, **{keyword: value})
                back, rate = decoded(codec, data), 8 * len(data) / image[0, 0].numel()
                scores.append((rate, theirs(program, back, image)))
                decibels.append((rate, float(psnr(back, image))))
            found["SSIMULACRA 2"].setdefault(name, {})[item.stem] = scores
            found["PSNR"].setdefault(name, {})[item.stem] = decibels
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("codecs", nargs="+", metavar="NAME=FILE")
    parser.add_argument("--data", required=True, metavar="DIR")
    parser.add_argument("--program", required=True, help="SSIMULACRA 2 of its authors")
    parser.add_argument("--limit", type=int, help="only the first images")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    found = curves(chosen.program, chosen.codecs, chosen.data, chosen.limit)
    first, *others = chosen.codecs
    print("| weights | bytes at equal SSIMULACRA 2 | at equal PSNR | mean score | n |\n| --- | --- | --- | --- | --- |")
    for name in chosen.codecs:
        cells = []
        for quality in found:
            mean, error, n = mean_saving(found[quality][first], found[quality][name])
            cells.append(f"{mean:+.1f} % ±{error:.1f}" if name in others else "0")
        scores = [score for curve in found["SSIMULACRA 2"][name].values() for _, score in curve]
        label = Path(name.partition("=")[2] or name).stem
        print(f"| {label} | {' | '.join(cells)} | {statistics.fmean(scores):.2f} | {n} |")


if __name__ == "__main__":
    main()
