"""The map of Wu et al. (2013) beside mere predictions: the same sums by avg_pool2d, and OpenCV's non-local means."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import imgredux
from imgredux.ops.strips import pad


@pytest.fixture(scope="module")
def method():
    return imgredux.get("wu2013")


def avg_pool2d(F: Tensor, sigma2: float) -> Tensor:
    """The prediction as one would first write it."""
    height, width = F.shape[-2:]
    padded = pad(F, 13, border="symmetric")
    num, den, best = torch.zeros_like(F), torch.zeros_like(F), torch.full_like(F, -torch.inf)
    for y, x in np.ndindex(21, 21):
        if (y, x) == (10, 10):
            continue
        shifted = padded[..., y : y + height + 6, x : x + width + 6]
        log_w = -functional.avg_pool2d((padded[..., 10:-10, 10:-10] - shifted) ** 2, 7, 1) / sigma2
        greatest = torch.maximum(best, log_w)
        shrink, w = torch.exp(best - greatest), torch.exp(log_w - greatest)
        num = num * shrink + w * shifted[..., 3:-3, 3:-3]
        den = den * shrink + w
        best = greatest
    return torch.floor((num + F) / (den + 1) + 0.5)


@pytest.mark.parametrize("size", ["512x512", "1080p", "12 MP"])
@pytest.mark.parametrize("row", ["wu2013", "cv2.fastNlMeansDenoising"])
def test_wu2013(measure, luma, method, threads, size, row):
    F = luma(size)
    x, gray = F / 255, F[0, 0].byte().numpy()
    cv2.setNumThreads(threads)
    run = {
        "wu2013": lambda: method(x),
        "cv2.fastNlMeansDenoising": lambda: cv2.fastNlMeansDenoising(
            gray, h=8, templateWindowSize=7, searchWindowSize=21
        ),
    }[row]
    measure(run, task=f"wu2013, {size}", row=row, pixels=F.numel(), rounds={"512x512": 5, "1080p": 3, "12 MP": 1}[size])


def test_avg_pool2d(measure, luma):
    F = luma("512x512")
    row = "avg_pool2d over 440 shifts"
    measure(lambda: avg_pool2d(F, 64.0), task="wu2013, 512x512", row=row, pixels=F.numel(), rounds=1)


def test_wu2013_without_numba(measure, luma, method, monkeypatch):
    monkeypatch.setattr("imgredux.kernels.compiled", lambda name: None)
    x = luma("512x512") / 255
    measure(lambda: method(x), task="wu2013, 512x512", row="wu2013 without numba", pixels=x.numel(), rounds=3)


def test_wu2013_batch_of_8(measure, luma, method):
    x = (luma("512x512") / 255).repeat(8, 1, 1, 1)
    measure(lambda: method(x), task="wu2013, batch of 8, 512x512", row="wu2013", pixels=x.numel(), rounds=2)
