"""PSPNR by its definition: errors below the threshold are free, others count by their excess."""

import numpy as np
import pytest
import torch

from imgredux import ImageError
from imgredux.metrics import psnr
from imgredux.metrics.pspnr import pspnr

REFERENCE = torch.full((1, 1, 4, 4), 100 / 255, dtype=torch.float64)


def test_the_excess_over_the_threshold_counts() -> None:
    # 16 pixels, thresholds of 3 grey levels; errors 5, -7 and 2 leave 2, 4 and nothing: mean square (4 + 16) / 16.
    error = torch.zeros_like(REFERENCE).flatten()
    error[:3] = torch.tensor([5, -7, 2], dtype=torch.float64) / 255
    value = pspnr(REFERENCE + error.view_as(REFERENCE), REFERENCE, torch.full_like(REFERENCE, 3 / 255))
    assert value.item() == pytest.approx(20 * np.log10(255 / np.sqrt(20 / 16)), abs=1e-9)


def test_without_thresholds_it_is_psnr() -> None:
    image, reference = torch.rand(2, 2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    assert pspnr(image, reference, torch.zeros(2, 1, 9, 7)).tolist() == psnr(image, reference).tolist()


def test_what_stays_at_its_threshold_is_invisible() -> None:
    jnd = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.1
    assert pspnr(REFERENCE + 0.99 * jnd, REFERENCE, jnd).item() == float("inf")


def test_a_luma_map_holds_for_every_channel() -> None:
    image, reference = torch.rand(2, 2, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    jnd = torch.rand(2, 1, 9, 7, generator=torch.Generator().manual_seed(1)) * 0.1
    whole = pspnr(image, reference, jnd.expand(-1, 3, -1, -1))
    assert pspnr(image, reference, jnd).tolist() == whole.tolist()


def test_one_value_per_image() -> None:
    image, reference, jnd = torch.rand(3, 2, 1, 9, 7, generator=torch.Generator().manual_seed(0))
    singles = [pspnr(image[[i]], reference[[i]], jnd[[i]] / 9).item() for i in range(2)]
    assert pspnr(image, reference, jnd / 9).tolist() == pytest.approx(singles, abs=1e-12)


def test_gradients_are_right() -> None:
    jnd = torch.full_like(REFERENCE, 0.01)
    image = REFERENCE + 0.03 * torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: pspnr(x, REFERENCE, jnd), (image.requires_grad_(),))


@pytest.mark.parametrize(
    ("jnd", "says"),
    [
        (torch.zeros(1, 1, 4, 5), "the map is"),
        (torch.zeros(4, 4), "the map is"),
        (-torch.ones(1, 1, 4, 4), "negative"),
        (torch.full((1, 1, 4, 4), torch.nan), "NaN"),
    ],
)
def test_unfit_maps_are_refused(jnd: torch.Tensor, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        pspnr(REFERENCE, REFERENCE, jnd)
