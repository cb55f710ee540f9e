"""The conformance suite of JPEG artefact removers."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from imgredux.io import images
from imgredux.methods.base import Method
from imgredux.methods.restorer import Restorer
from imgredux.metrics import psnr, psnr_b
from imgredux.testing.calls import ImageOutChecks
from imgredux.testing.declaration import DeclarationChecks
from imgredux.testing.inputs import as_jpeg, as_tensor, batch, photos, sample_image


class RestorerConformance(ImageOutChecks, DeclarationChecks):
    """Subclass it in a plugin's tests and set `name`; every check is explained by the message it fails with.

    qualities: JPEG qualities at which images must become better. learnt: False for a fresh network, which need not
    improve them.
    """

    qualities: ClassVar[tuple[int, ...]] = (10, 40)
    learnt: ClassVar[bool] = True

    def keywords(self, count: int) -> dict[str, Tensor]:
        return {"qtable": _steps(as_jpeg(sample_image(), 40)).repeat(count, 1, 1, 1)}

    def test_output_is_within_range(self, method: Method) -> None:
        noise = np.random.PCG64(1).random_raw(64 * 64 * 3).astype(np.uint8).reshape(64, 64, 3)
        board = np.kron(np.indices((8, 8)).sum(0) % 2, np.full((8, 8), 255)).astype(np.uint8)
        for label, pixels in {"noise": noise, "black and white blocks": board, "picture": sample_image()}.items():
            if pixels.ndim == 3 and 3 not in self.channels:
                continue
            damaged = as_jpeg(pixels, 5)
            for options in ({}, {"qtable": _steps(damaged)}):
                y = method(as_tensor(np.asarray(damaged)), **options)
                assert y.isfinite().all(), f"{label}: the result is not finite"
                low, high = y.min().item(), y.max().item()
                assert 0 <= low <= high <= 1, f"{label}: the result is in [{low:.4g}, {high:.4g}]: clip it"

    def test_a_jpeg_becomes_better(self, method: Method) -> None:
        if not self.learnt:
            pytest.skip("a fresh network restores nothing")
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

    def test_an_image_without_traces_comes_back_untouched(self, method: Method, tmp_path: Path) -> None:
        for channels in self.channels:
            pixels, file = sample_image(channels=channels), tmp_path / f"{channels}.png"
            Image.fromarray(pixels).save(file)
            for label, form in {"array": pixels, "PIL image": Image.fromarray(pixels), "path": file}.items():
                same = np.array_equal(np.asarray(method(form)), pixels)
                assert same, f"{label}, C={channels}: was never a JPEG, but does not come back as it is"

    def test_a_jpeg_of_high_quality_comes_back_untouched(self, method: Method) -> None:
        for channels in self.channels:
            for quality in (96, 100):
                image = as_jpeg(sample_image(channels=channels), quality)
                same = np.array_equal(np.asarray(method(image)), np.asarray(image))
                assert same, f"quality {quality}, C={channels}: nothing is to be mended, but the image is changed"

    def test_a_crop_of_a_jpeg_does_not_become_worse(self, method: Method) -> None:
        if not self.learnt:
            pytest.skip("a fresh network restores nothing")
        pytest.importorskip("skimage", reason="photographs come with scikit-image: pip install imgredux[test]")
        for channels in self.channels:
            gains = []
            for pixels in photos(channels).values():
                # Row 11: not even the blocks of 4:2:0 chroma, 16 pixels high, begin where those of luma seem to.
                cut, damaged = pixels[11:, 5:], np.asarray(as_jpeg(pixels, min(self.qualities)))[11:, 5:]
                restored = method(np.ascontiguousarray(damaged))
                gains.append(psnr(as_tensor(restored), as_tensor(cut)) - psnr(as_tensor(damaged), as_tensor(cut)))
            gain = torch.cat(gains).mean().item()
            assert gain >= 0, f"C={channels}: PSNR changes by {gain:.3f} dB where blocks begin at row 5, column 3"

    def test_the_best_tag_is_chosen(self, method: Method) -> None:
        assert isinstance(method, Restorer), f"{type(method).__name__} is no Restorer"
        stated = {tag: entry["gains"] for tag, entry in self.info.weights.items() if "gains" in entry}
        if not method.chooses or not stated:
            pytest.skip("the method has no tags to choose among")
        for channels, kind in ((1, "y"), (3, "rgb")):
            tables = {tag: gains[kind] for tag, gains in stated.items() if kind in gains}
            for quality in (5, 10, 25, 40, 60, 90) if tables else ():
                gains = {tag: _at(quality, table) for tag, table in tables.items()}
                tag = method.at(quality, channels == 3).tag
                best = max(gains, key=lambda one: gains[one])
                assert tag in gains, f"quality {quality}, {kind}: {tag!r} is taken, which states no gain"
                assert gains[tag] >= gains[best] - 1e-9, f"quality {quality}, {kind}: {tag!r} is taken, not {best!r}"

    def test_a_jpeg_file_brings_its_steps(
        self, method: Method, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert isinstance(method, Restorer), f"{type(method).__name__} is no Restorer"
        monkeypatch.setattr(type(method), "guarded", False)  # the network alone
        for channels in self.channels:
            damaged, file = as_jpeg(sample_image(channels=channels), 20), tmp_path / "damaged.jpg"
            damaged.save(file, quality="keep")
            best = method.at(20, channels == 3)
            whole = best(best.planes(images.read(file, stored=True)), qtable=_steps(damaged))
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


def _at(quality: int, table: Mapping[str, float]) -> float:
    """A manifest's gain at a quality, in NumPy's words."""
    qualities, values = zip(*sorted((int(key), value) for key, value in table.items()), strict=True)
    return float(np.interp(quality, qualities, values))
