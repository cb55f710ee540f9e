"""The pages of photographs and text: the same each time, of one size, with a photograph and flat paper in them."""

import numpy as np
from PIL import Image
from skimage import data

from imgredux.maps import strong_edges
from imgredux.testing.inputs import as_tensor
from tests.campaigns import composites


def test_pages_are_alike_each_time_and_differ_by_seed() -> None:
    photo = Image.fromarray(data.coffee())
    pages = [np.asarray(composites.page(photo, seed)) for seed in (0, 0, 1, 2)]
    assert all(page.shape == (composites.HEIGHT, composites.WIDTH, 3) for page in pages)
    assert np.array_equal(pages[0], pages[1])
    assert not np.array_equal(pages[0], pages[2])


def test_a_page_has_texture_on_one_side_and_paper_and_edges_on_the_other() -> None:
    page = np.asarray(composites.page(Image.fromarray(data.coffee()), 0))
    photo, text = page[:, : composites.SPLIT], page[:, composites.SPLIT :]
    values, counts = np.unique(text.reshape(-1, 3), axis=0, return_counts=True)
    assert counts.max() > 0.5 * text[..., 0].size
    assert len(np.unique(photo.reshape(-1, 3), axis=0)) > 10 * len(values)
    assert strong_edges(as_tensor(text)).float().mean() > 0.05
