"""SSIMULACRA 2.1 of a 1080p colour image beside the registry's Python package, and with its gradient."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data
from skimage.transform import resize

from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux.ops.jpeg import jpeg

HEIGHT, WIDTH = 1080, 1920


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    array = resize(data.stereo_motorcycle()[0], (HEIGHT, WIDTH), order=3, anti_aliasing=True)
    x = torch.from_numpy(array).clamp(0, 1).mul(255).round().div(255).float().permute(2, 0, 1)[None].contiguous()
    return x, jpeg(x, 60)


@pytest.mark.parametrize("row", ["ssimulacra2", "ssimulacra2 and gradient", "ssimulacra2 0.3.0 (package)"])
def test_1080p(measure, row: str, pair: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    def with_gradient() -> None:
        y = pair[1].clone().requires_grad_()
        ssimulacra2(y, pair[0]).sum().backward()

    def package() -> None:
        peer = pytest.importorskip("ssimulacra2.ssimulacra2", reason="the package ssimulacra2 is not installed")
        peer.compute_ssimulacra2(*map(str, paths))

    paths = [tmp_path / "x.ppm", tmp_path / "y.ppm"]  # uncompressed: reading them costs nothing
    for path, image in zip(paths, pair, strict=True):
        Image.fromarray((image[0].permute(1, 2, 0) * 255).round().byte().numpy()).save(path)
    run = {
        "ssimulacra2": lambda: ssimulacra2(pair[1], pair[0]),
        "ssimulacra2 and gradient": with_gradient,
        "ssimulacra2 0.3.0 (package)": package,
    }[row]
    measure(run, task="SSIMULACRA2, 1080p RGB", row=row, pixels=HEIGHT * WIDTH, rounds=3)
