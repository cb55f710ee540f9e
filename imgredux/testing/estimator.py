"""The conformance suite of JND models."""

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from imgredux.methods.base import Method
from imgredux.testing.calls import CallChecks
from imgredux.testing.declaration import DeclarationChecks
from imgredux.testing.inputs import as_tensor, batch, sample_image


class EstimatorConformance(CallChecks, DeclarationChecks):
    """Subclass it in a plugin's tests and set `name`; every check is explained by the message it fails with."""

    # Mean map of an image, in grey levels: less is below what 8 bits can show, more would hide the image itself.
    magnitude: ClassVar[tuple[float, float]] = (0.1, 60)
    # Pixels next to a border where a flat image need not give a flat map, for methods without `context`.
    margin: ClassVar[int] = 32
    # Grey levels: float32 noise of sums over large windows stays far below.
    flatness: ClassVar[float] = 0.01

    def check_form(self, given: Any, form: Any, label: str) -> None:
        assert isinstance(given, np.ndarray), f"{label}: gives {type(given).__name__}, a map is an array"
        assert given.dtype == np.float32, f"{label}: gives {given.dtype}, a map is float32"

    def in_form(self, whole: Tensor, dtype: np.dtype, peak: float) -> np.ndarray:
        array = (whole[0] * peak).numpy()
        return array[0] if len(array) == 1 else array.transpose(1, 2, 0)

    def test_map_is_finite_and_not_negative(self, method: Method) -> None:
        checkerboard = (torch.arange(64)[:, None] + torch.arange(48)).remainder(2).float().expand(1, 3, 64, 48)
        special = {"black": torch.zeros(1, 3, 64, 48), "white": torch.ones(1, 3, 64, 48), "checkerboard": checkerboard}
        for label, x in {"picture": batch(), **special}.items():
            jnd = method(x)
            assert jnd.isfinite().all(), f"{label}: the map holds values that are not finite"
            assert (jnd >= 0).all(), f"{label}: the map has a minimum of {jnd.min().item() * 255:.3g} grey levels"

    def test_magnitude_is_plausible(self, method: Method) -> None:
        for seed in range(3):
            mean = method(batch(1, 96, 128, seed=seed)).mean().item() * 255
            low, high = self.magnitude
            assert low <= mean <= high, f"the mean of a map is {mean:.3g} grey levels: units of [0, 1] are expected"

    def test_flat_image_gives_a_flat_map(self, method: Method) -> None:
        period = self.spec.multiple_of
        margin = self.margin if self.spec.context is None else self.spec.context
        margin += -margin % period
        side = 2 * margin + 4 * period
        for level in (0.25, 0.5, 0.75):
            for channels in self.channels:
                jnd = method(torch.full((1, channels, side, side), level)) * 255
                inner = jnd[..., margin : side - margin, margin : side - margin]
                for dim in (-2, -1):
                    shifted = inner.narrow(dim, period, inner.shape[dim] - period)
                    change = (shifted - inner.narrow(dim, 0, inner.shape[dim] - period)).abs().max().item()
                    assert change <= self.flatness, f"a flat image gives a map that varies by {change:.3g} grey levels"

    def test_thresholds_are_one_per_coefficient(self, method: Method) -> None:
        if not hasattr(method, "thresholds"):
            pytest.skip("not a transform-domain model")
        x = as_tensor(sample_image(64, 48, self.channels[-1]))
        steps = method.thresholds(x)  # pyright: ignore[reportCallIssue]
        assert steps.shape == (1, 8, 6, 8, 8), f"(1, 8, 6, 8, 8) is expected, not {tuple(steps.shape)}"
        assert steps.isfinite().all(), "thresholds are not finite"
        assert (steps > 0).all(), "thresholds must be positive"
