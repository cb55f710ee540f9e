"""The conformance suite of JPEG artefact removers."""

import io
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from imgredux import images
from imgredux.method import Method
from imgredux.metrics import psnr, psnr_b
from imgredux.testing.calls import ImageOutChecks
from imgredux.testing.declaration import DeclarationChecks
from imgredux.testing.pictures import as_jpeg, as_tensor, batch, photos, picture


class RestorerConformance(ImageOutChecks, DeclarationChecks):
    """Subclass it in a plugin's tests and set `name`; every check is explained by the message it fails with."""

    # dB between a picture without artefacts and what is made of it: 8-bit rounding alone gives 59.
    clean_psnr: ClassVar[float] = 38.0
    qualities: ClassVar[tuple[int, ...]] = (10, 40)

    def keywords(self, count: int) -> dict[str, Tensor]:
        return {"qtable": _steps(as_jpeg(picture(), 40)).repeat(count, 1, 1, 1)}

    def test_output_is_within_range(self, method: Method) -> None:
        noise = np.random.PCG64(1).random_raw(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
        board = np.kron(np.indices((8, 8)).sum(0) % 2, np.full((8, 8), 255)).astype(np.uint8)
        for label, pixels in {"noise": noise, "black and white blocks": board, "picture": picture()}.items():
            if pixels.ndim == 3 and 3 not in self.channels:
                continue
            damaged = as_jpeg(pixels, 5)
            for options in ({}, {"qtable": _steps(damaged)}):
                y = method(as_tensor(np.asarray(damaged)), **options)
                assert y.isfinite().all(), f"{label}: the result is not finite"
                low, high = y.min().item(), y.max().item()
                assert 0 <= low <= high <= 1, f"{label}: the result is in [{low:.4g}, {high:.4g}]: clip it"

    def test_a_jpeg_becomes_better(self, method: Method) -> None:
        pytest.importorskip("skimage", reason="photographs come with scikit-image: pip install imgredux[test]")
        for channels in self.channels:
            for quality in self.qualities:
                gains = []
                for pixels in photos(channels).values():
                    reference, damaged = as_tensor(pixels), as_jpeg(pixels, quality)
                    restored, before = (as_tensor(np.asarray(image)) for image in (method(damaged), damaged))
                    gains.append([metric(restored, reference) - metric(before, reference) for metric in (psnr, psnr_b)])
                for label, gain in zip(("PSNR", "PSNR-B"), torch.tensor(gains).mean(0).tolist(), strict=True):
                    assert gain > 0, f"quality {quality}, C={channels}: {label} changes by {gain:.3f} dB on photographs"

    def test_a_clean_image_hardly_changes(self, method: Method) -> None:
        pytest.importorskip("skimage", reason="photographs come with scikit-image: pip install imgredux[test]")
        for channels in self.channels:
            for name, pixels in photos(channels).items():
                level = psnr(as_tensor(method(pixels)), as_tensor(pixels)).item()
                assert level >= self.clean_psnr, f"{name}, C={channels}: {level:.1f} dB from what went in"

    def test_a_jpeg_file_brings_its_steps(self, method: Method, tmp_path: Path) -> None:
        for channels in self.channels:
            damaged, file = as_jpeg(picture(channels=channels), 20), tmp_path / "damaged.jpg"
            damaged.save(file, quality="keep")
            whole = method(as_tensor(np.asarray(damaged)), qtable=_steps(damaged))
            expected = self.in_form(whole, np.dtype(np.uint8), 255)
            with Image.open(io.BytesIO(file.read_bytes())) as image:
                for label, given in {"path": method(file), "PIL image": method(image)}.items():
                    same = np.array_equal(np.asarray(given), expected)
                    assert same, f"a JPEG {label} does not give what its pixels and qtable= give"

    def test_steps_are_optional(self, method: Method) -> None:
        x = batch(2, channels=self.channels[-1])
        assert torch.equal(method(x, qtable=None), method(x)), "qtable=None must mean that the steps are not known"


def _steps(image: Image.Image) -> Tensor:
    steps = images.read(image).qtable
    assert steps is not None  # only called with JPEG images
    return steps
