"""Checks on calling a method: sizes, ranks, batches, determinism, and every container an image comes in."""

import copy
import math
import random
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import Tensor

from imgredux.batch.processes import one_thread
from imgredux.export import traced
from imgredux.io.exif import ORIENTATION
from imgredux.methods.base import Method
from imgredux.testing.golden import tensors
from imgredux.testing.inputs import as_tensor, batch, sample_image
from imgredux.testing.suite import Suite

SIZES = ((64, 48), (65, 131), (9, 17), (7, 7), (1, 2), (1, 1), (200, 1), (1, 200))
GRAPH = (64, 64)
POWERS = (1, 2, 4, 8, 16, 32, 64)
ROUNDING = 1e-5  # of a result's range: what a convolution may round otherwise for another size of a batch
BIT_FOR_BIT, ROUNDED = "bit for bit", f"within {ROUNDING:g} of the range"
TURNED = 6  # EXIF orientation: a quarter turn clockwise brings the stored rows upright


class CallChecks(Suite):
    """What holds for every call of every method."""

    def test_any_size_works(self, method: Method) -> None:
        problem = self._problem(method)
        if problem:
            pytest.fail(f"{problem}. {self._cure(method)}")

    def _problem(self, method: Method) -> str | None:
        """What goes wrong at the first of SIZES at which anything does."""
        for channels in self.channels:
            for height, width in SIZES:
                given = f"{method.spec.name} at {height}x{width}, C={channels}:"
                x = batch(2, height, width, channels)
                try:
                    result = method(x, **self.keywords(2))
                except Exception as error:
                    return f"{given} {error!r}"
                wrong = self._wrong_with(tensors(result), x)
                if wrong:
                    return f"{given} {wrong}"
        return None

    def _wrong_with(self, result: tuple[Tensor, ...], x: Tensor) -> str | None:
        planes, bits = result[0], result[1:]
        counts = {1, x.shape[1]} if self.spec.kind == "estimator" else {x.shape[1]}
        if planes.shape not in [(len(x), count, *x.shape[2:]) for count in counts]:
            return f"gives {tuple(planes.shape)} for {tuple(x.shape)}"
        if any(tensor.shape != (len(x),) for tensor in bits):
            return f"gives bits {tuple(bits[0].shape)}, one number per image is ({len(x)},)"
        if planes.dtype != x.dtype:
            return f"gives {planes.dtype} for {x.dtype}"
        return None if all(tensor.isfinite().all() for tensor in result) else "gives values that are not finite"

    def _cure(self, method: Method) -> str:
        """The least demanding declaration with which every size works."""
        probe, spec = copy.copy(method), method.spec
        for multiple in POWERS:
            for least in POWERS:
                probe.spec = replace(spec, multiple_of=multiple, minimum=least)
                if self._problem(probe) is None:
                    return f"Every size works with multiple_of={multiple}, minimum={least} in the Spec"
        return f"No multiple_of and minimum up to {POWERS[-1]} mends it"

    def test_three_dimensions_in_three_out(self, method: Method) -> None:
        x = batch()
        options = self.keywords(1)
        for single, whole in zip(tensors(method(x[0], **options)), tensors(method(x, **options)), strict=True):
            assert torch.equal(single, whole[0]), "a (C, H, W) tensor must give what a batch of one gives, without B"

    def test_float64_stays_float64(self, method: Method) -> None:
        if next(method.parameters(), None) is not None:
            pytest.skip("the method has weights, and computes in their dtype")
        x, options = batch(), self.keywords(1)
        wide, narrow = (tensors(method(image, **options))[0] for image in (x.double(), x))
        assert wide.dtype == torch.float64, f"a float64 image gives {wide.dtype}"
        # The median: edges that a detector takes or leaves may differ at a few pixels.
        difference = (wide - narrow).abs().median().item()
        assert difference <= 1e-4, f"float64 and float32 results differ by {difference:.2g}"

    def test_batch_equals_singles(self, method: Method, record_property: Callable[[str, object], None]) -> None:
        """Bit for bit, or within a convolution's rounding; the report (`-rA`, JUnit's XML) says which of them held."""
        rule = BIT_FOR_BIT
        for channels in self.channels:
            x = batch(3, channels=channels)
            options = self.keywords(3)
            with one_thread():
                singles = [
                    tensors(method(x[i : i + 1], **{key: value[i : i + 1] for key, value in options.items()}))
                    for i in range(3)
                ]
                whole = tensors(method(x, **options))
            for together, parts in zip(whole, zip(*singles, strict=True), strict=True):
                alone = torch.cat(parts)
                if torch.equal(together, alone):
                    continue
                share = _share_of_range(together, alone)
                assert share <= ROUNDING, f"images of one batch influence one another, by {share:.2g} of the range"
                rule = ROUNDED
        record_property("batch", rule)
        print(f"batch: {rule}")

    def test_same_call_twice_is_bit_identical(self, method: Method) -> None:
        x, options = batch(), self.keywords(1)
        first = [tensor.clone() for tensor in tensors(method(x, **options))]
        for before, after in zip(first, tensors(method(x, **options)), strict=True):
            assert torch.equal(before, after), "the second call with the same image gives something else"

    def test_input_is_not_modified(self, method: Method) -> None:
        # 64 is a legal side for most: what is not padded is not copied before forward sees it.
        for x in (batch(1, 64, 64), batch()):
            before = x.clone()
            method(x, **self.keywords(1))
            assert torch.equal(x, before), "the call writes into the tensor it is given"

    def test_random_state_is_untouched(self, method: Method) -> None:
        before = _random_states()
        method(batch(), **self.keywords(1))
        for library, drawn, state in zip(("torch", "numpy", "random"), before, _random_states(), strict=True):
            assert drawn == state, f"the call draws from the global generator of {library}: take generator= instead"

    def test_exports(self, method: Method) -> None:
        """A graph of `torch.export` gives what the method gives; a detector's may differ at a pixel in fifty."""
        if self.spec.kind == "codec" and not self.spec.differentiable:
            pytest.skip("a codec of files is no graph")
        found = traced(method, size=GRAPH)
        x = batch(1, *GRAPH, found.channels)
        given = (x, torch.full((1, 2, 8, 8), 20.0)) if "qtable" in found.inputs else (x,)
        options = {"qtable": given[1]} if len(given) > 1 else {}
        for graph, own in zip(tensors(found.program.module()(*given)), tensors(method(x, **options)), strict=True):
            share = ((graph - own).abs() > 2e-3 * own.abs().max()).float().mean().item()
            assert share < 0.02, f"{share:.1%} of what the graph gives is not what the method gives"

    def test_every_container_gives_the_same(self, method: Method, tmp_path: Path) -> None:
        for channels in self.channels:
            pixels = sample_image(channels=channels)
            whole = tensors(method(as_tensor(pixels), **self.keywords(1)))[0]
            for label, form, peak in _forms(pixels, tmp_path / f"{channels}.png"):
                given = method(form, **self.keywords(1))
                self.check_form(given, form, label)
                expected = self.in_form(whole, np.asarray(given).dtype, peak)
                difference = np.abs(np.asarray(given).astype(np.float64) - expected).max() / peak
                assert difference == 0, f"{label}, C={channels}: differs from the tensor's result by {difference:.2g}"

    def check_form(self, given: Any, form: Any, label: str) -> None:
        """Assert that a result has the form that goes with what was passed in."""
        raise NotImplementedError

    def in_form(self, whole: Tensor, dtype: np.dtype, peak: float) -> np.ndarray:
        """A result `(1, C, H, W)` of `forward` as an array `(H, W)` or `(H, W, C)` of a container with this white."""
        raise NotImplementedError

    def test_exif_orientation_is_applied(self, method: Method, tmp_path: Path) -> None:
        stored, file, exif = sample_image(33, 48, self.channels[-1]), tmp_path / "turned.png", Image.Exif()
        exif[ORIENTATION] = TURNED
        Image.fromarray(stored).save(file, exif=exif)
        given = np.asarray(method(file, **self.keywords(1)))
        if self.spec.kind == "restorer":  # works where the 8x8 grid lies
            expected = np.rot90(method(stored, **self.keywords(1)), -1)
        else:
            with Image.open(file) as image:
                expected = np.asarray(method(np.asarray(ImageOps.exif_transpose(image)), **self.keywords(1)))
        assert np.array_equal(given, expected), "a rotated file must give the result of the upright image"


class ImageOutChecks(CallChecks):
    """What restorers and codecs share: the image comes back in the form it went in."""

    def check_form(self, given: Any, form: Any, label: str) -> None:
        if isinstance(form, np.ndarray):
            assert isinstance(given, np.ndarray), f"{label}: gives {type(given).__name__}"
            assert (given.dtype, given.shape) == (form.dtype, form.shape), f"{label}: gives {given.dtype} {given.shape}"
        else:
            assert isinstance(given, Image.Image), f"{label}: gives {type(given).__name__}"
            with nullcontext(form) if isinstance(form, Image.Image) else Image.open(form) as image:
                same = (given.mode, given.size) == (image.mode, image.size)
            assert same, f"{label}: gives {given.mode} {given.size}"

    def in_form(self, whole: Tensor, dtype: np.dtype, peak: float) -> np.ndarray:
        planes = (whole[0].clamp(0, 1) * peak).numpy()
        array = (np.rint(planes) if dtype.kind == "u" else planes).transpose(1, 2, 0)
        return array[..., 0] if array.shape[-1] == 1 else array

    def test_alpha_comes_back_untouched(self, method: Method) -> None:
        alpha = sample_image(channels=1, seed=9)
        for channels in self.channels:
            pixels = np.dstack([sample_image(channels=channels), alpha])
            for form in (pixels, Image.fromarray(pixels)):
                given = np.asarray(method(form, **self.keywords(1)))
                assert given.shape == pixels.shape, f"{pixels.shape} with alpha gives {given.shape}"
                assert np.array_equal(given[..., -1], alpha), "the alpha plane was changed"
                color = np.asarray(method(sample_image(channels=channels), **self.keywords(1)))
                assert np.array_equal(given[..., :-1].squeeze(), color), "alpha changes the colour planes"


def _forms(pixels: np.ndarray, file: Path) -> Iterable[tuple[str, Any, float]]:
    """One image in every container, with the value that is white there."""
    Image.fromarray(pixels).save(file)
    wide = pixels.astype(np.uint16) * 257
    yield "uint8 array", pixels, 255
    yield "uint16 array", wide, 65535
    yield "float32 array", pixels.astype(np.float32) / 255, 1
    yield "PIL image", Image.fromarray(pixels), 255
    yield "path", file, 255
    yield "path as text", str(file), 255
    if pixels.ndim == 2:
        yield "16-bit PIL image", Image.fromarray(wide), 65535


def _share_of_range(given: Tensor, wanted: Tensor) -> float:
    """The largest difference over the range of what is wanted; infinite where that is flat, or a number is none."""
    scale = (wanted.max() - wanted.min()).item()
    off = (given - wanted).abs().max().item()
    return off / scale if scale > 0 and math.isfinite(off) else math.inf


def _random_states() -> tuple[str, str, str]:
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002 - the global generator is what is watched
    with np.printoptions(threshold=sys.maxsize):
        return str(torch.random.get_rng_state().tolist()), str(legacy), str(random.getstate())
