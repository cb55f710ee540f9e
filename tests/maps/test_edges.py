"""Strong edges are edges, not texture, and noise on them is counted."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from imgredux import maps
from imgredux.testing.damaged import photograph


def step(level: float = 0.5) -> torch.Tensor:
    x = torch.full((1, 1, 40, 40), 0.2)
    x[..., 20:] = 0.2 + level
    return x


def test_a_step_is_a_strong_edge_and_a_pixel_around_it() -> None:
    found = maps.strong_edges(step())[0, 0]
    assert found[:, 18:22].all()
    assert not found[:, :17].any()
    assert not found[:, 23:].any()


def test_a_faint_step_is_none() -> None:
    assert not maps.strong_edges(step(0.1)).any()


def test_texture_is_none() -> None:
    noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    share = maps.strong_edges(noise).float().mean()
    assert share < 0.35  # a tenth of its places look like an edge by chance, and a pixel around each counts
    assert maps.strong_edges(step()).float().mean() > 0.09


def test_gradients_and_coherence_are_scipys() -> None:
    x = photograph("astronaut", 60, 70)
    plane = (x[0, 0] * 0.299 + x[0, 1] * 0.587 + x[0, 2] * 0.114).double().numpy() * 255
    dx, dy = (ndimage.sobel(plane, axis, mode="mirror") / 8 for axis in (1, 0))
    xx, yy, xy = (ndimage.uniform_filter(z, 5)[2:-2, 2:-2] for z in (dx * dx, dy * dy, dx * dy))
    coherence = np.sqrt((xx - yy) ** 2 + 4 * xy**2) / np.maximum(xx + yy, 1e-9)
    steep = (np.hypot(dx, dy)[2:-2, 2:-2] >= 16) & (coherence >= 0.8)
    ours = maps.strong_edges(x)[0, 0, 2:-2, 2:-2].numpy()
    inner = ndimage.binary_dilation(steep, np.ones((3, 3)))[1:-1, 1:-1]
    assert (ours[1:-1, 1:-1] == inner).mean() > 0.999


def test_the_share_on_edges_and_the_worst_places() -> None:
    x = step()
    everywhere, there = x.clone(), x.clone()
    everywhere += 2 / 255
    there[..., 18:22] += 2 / 255
    assert maps.on_edges(everywhere, x).item() == pytest.approx(0.1, abs=1e-6)
    assert maps.on_edges(there, x).item() == pytest.approx(1.0)
    assert maps.worst_local(everywhere, x).item() == pytest.approx(2.0, rel=1e-4)
    assert maps.on_edges(x, x).isnan().all()
