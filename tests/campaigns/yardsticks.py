"""What predicts critical images without a network: yardsticks for the estimators that learn from pairs.

    python -m tests.campaigns.yardsticks --pairs DIR...

Fitted by least squares to the pairs that `imgredux train` trains on, judged on those it holds out, as its log has it:
dB of squared error below no change at all. Prints a Markdown table.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux.training.crops import Images, load, split
from imgredux.training.pairs import PairRecipe

SIDE = 5  # of the linear filter
PER_IMAGE = 64 * 64  # pixels of each pair that a filter is fitted to


class _Pairs(PairRecipe):
    """Reads and splits pairs as every recipe does; predicts nothing."""

    def predict(self, method: object, reference: Tensor) -> Tensor:
        raise NotImplementedError


def linear(pairs: list[tuple[Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """The best linear filter of 5x5 pixels, from R, G, B to each of them, with a constant."""

    def seen(x: Tensor) -> Tensor:
        x = F.pad(x, [SIDE // 2] * 4, mode="reflect")
        patches = F.unfold(x, SIDE)[0].T.double()
        return torch.cat([patches, patches.new_ones(len(patches), 1)], 1)

    size = 3 * SIDE**2 + 1
    gram, moment = torch.zeros(size, size).double(), torch.zeros(size, 3).double()
    generator = torch.Generator().manual_seed(0)
    for reference, critical in pairs:
        pixels = reference[0, 0].numel()
        rows = torch.randperm(pixels, generator=generator)[:PER_IMAGE]
        A, b = seen(reference)[rows], critical[0].flatten(1).T.double()[rows]
        gram += A.T @ A
        moment += A.T @ b
    weights = torch.linalg.solve(gram + 1e-9 * torch.eye(size).double(), moment)
    return lambda x: (seen(x) @ weights).T.reshape(x.shape).float()


def shrinkage(pairs: list[tuple[Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """Each coefficient of the 8x8 DCT of Y, Cb, Cr times a factor of its own."""

    def coefficients(x: Tensor) -> Tensor:
        return ops.blocks(ops.dct(ops.rgb_to_ycbcr(x)))

    products, squares = (torch.zeros(1, 3, 1, 1, 8, 8).double() for _ in range(2))
    for reference, critical in pairs:
        c, wanted = (coefficients(x).double() for x in (reference, critical))
        products += (c * wanted).sum((0, 2, 3))[None, :, None, None]
        squares += c.square().sum((0, 2, 3))[None, :, None, None]
    factor = (products / squares).float()

    def predict(x: Tensor) -> Tensor:
        c = ops.dct(ops.rgb_to_ycbcr(x))
        view = ops.blocks(c)
        view.copy_(view * factor)
        return ops.ycbcr_to_rgb(ops.idct(c))

    return predict


def middles(images: Images, recipe: PairRecipe) -> list[tuple[Tensor, Tensor]]:
    return [recipe.pair(planes) for planes in images.middles()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.yardsticks")
    parser.add_argument("--pairs", nargs="+", required=True, metavar="DIR")
    chosen = parser.parse_args()
    recipe = _Pairs()
    kept, held = split(recipe.find(chosen.pairs))
    trained, judged = (middles(load(paths, recipe.read, 16), recipe) for paths in (kept, held))
    print(f"{len(trained)} pairs to fit, {len(judged)} held out\n\n| predictor | gain, dB |\n|---|---|")
    identity = torch.stack([(c - r).double().square().mean() for r, c in judged]).mean()
    for name, fit in (("the best linear 5x5 filter", linear), ("the best factors of 8x8 DCT coefficients", shrinkage)):
        predict = fit(trained)
        error = torch.stack([(predict(r) - c).double().square().mean() for r, c in judged]).mean()
        print(f"| {name} | {10 * torch.log10(identity / error):.3f} |", flush=True)


if __name__ == "__main__":
    main()
