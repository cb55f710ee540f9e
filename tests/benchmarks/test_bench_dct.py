"""The 8x8 block DCT of a 12-megapixel float32 plane beside SciPy's and beside plain copies."""

import pytest
import scipy.fft
import torch

from imgredux.ops.dct import dct

HEIGHT, WIDTH = 3000, 4000


@pytest.fixture(scope="module")
def plane():
    return torch.rand(1, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("row", ["dct(out=)", "dct", "scipy.fft.dctn", "copy_", "clone"])
def test_dct_12_megapixels(measure, row, threads, plane):
    out = torch.zeros_like(plane)  # written once: a page that was never touched costs a fault
    tiles = plane.numpy().reshape(HEIGHT // 8, 8, WIDTH // 8, 8)
    run = {
        "dct(out=)": lambda: dct(plane, out=out),
        "dct": lambda: dct(plane),
        "scipy.fft.dctn": lambda: scipy.fft.dctn(tiles, axes=(1, 3), norm="ortho", workers=threads),
        "copy_": lambda: out.copy_(plane),
        "clone": lambda: plane.clone(),
    }[row]
    measure(run, task="8x8 DCT, 12 MP", row=row, pixels=plane.numel(), rounds=15)
