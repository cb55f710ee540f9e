"""The contract of imgredux, and what the paper says."""

import numpy as np
import pytest

import imgredux
from imgredux.testing import EstimatorConformance


class TestGradMask(EstimatorConformance):
    name = "gradmask"


@pytest.mark.parametrize(("level", "threshold"), [(0, 20.0), (127, 3.0), (255, 6.0)])
def test_flat_gray_has_the_papers_luminance_threshold(level: int, threshold: float) -> None:
    jnd = imgredux.get("gradmask")(np.full((24, 32), level, np.uint8))
    assert jnd == pytest.approx(np.full((24, 32), threshold), abs=1e-3)


def test_a_step_hides_more_than_its_surroundings() -> None:
    image = np.full((24, 32), 100, np.uint8)
    image[:, 16:] = 180
    jnd = imgredux.get("gradmask")(image)
    assert jnd[12, 15:17].min() > jnd[12, [4, 28]].max()
