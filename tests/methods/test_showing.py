"""What methods, declarations and injected noise show of themselves in consoles and notebooks."""

import io

import numpy as np
import torch
from PIL import Image

import imgredux
from imgredux.testing.inputs import batch, sample_image
from imgredux.testing.process import run_python


def test_a_method_is_two_lines() -> None:
    method = imgredux.get("arcnn")
    first, second = repr(method).splitlines()
    assert first == f"{method.label}, restorer: {method.spec.title}"
    count = sum(parameter.numel() for parameter in method.parameters())
    assert second == f"{count:,} parameters, weights {method.digest.hex()}, on cpu in float32"
    assert "Conv2d" in repr(next(method.children()))


def test_a_method_without_parameters_or_a_declaration_has_a_repr_too() -> None:
    assert repr(imgredux.get("flat")).splitlines()[1] == "no parameters, on cpu in float32"
    assert repr(imgredux.get("flat").double()).endswith("in float64")

    class Mine(imgredux.Estimator):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    assert repr(Mine()).startswith("Mine, without a declaration\n")


def test_info_is_a_table_in_notebooks() -> None:
    html = imgredux.info("arcnn")._repr_html_()
    assert html.startswith("<table><tr><th")
    assert html.count("<tr>") == html.count("</tr>") == len(imgredux.info("arcnn").facts)
    assert "imgredux-arcnn" in html
    assert all(tag in html for tag in imgredux.info("arcnn").weights)
    code = "import imgredux, sys; imgredux.info('flat')._repr_html_(); print({'torch', 'numpy'} & set(sys.modules))"
    assert run_python(code).strip() == "set()"


def test_injected_noise_is_an_image_in_notebooks() -> None:
    pixels = sample_image()
    found = imgredux.inject(pixels, imgredux.get("localstd")(pixels), 30)
    data = found._repr_png_()
    assert data is not None
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), found.image)
    html = found._repr_html_()
    assert html is not None
    assert f"phi {found.phi:.4g}, MSE {found.mse:.4g}<" in html
    assert "data:image/png;base64," in html
    assert isinstance(found, tuple)
    assert len(found) == 4
    grey = imgredux.inject(Image.fromarray(pixels[..., 0]), np.ones(pixels.shape[:2], np.float32), 16)
    assert grey._repr_html_() is not None


def test_a_target_that_is_missed_is_said_and_a_batch_shows_no_image() -> None:
    flat = np.full((16, 16), 128, np.uint8)
    missed = imgredux.inject(flat, np.ones((16, 16), np.float32), 16.121)._repr_html_()
    assert missed is not None
    assert "MSE 16, not the one asked for" in missed
    x = batch(2)
    found = imgredux.inject(x, torch.full((2, 1, *x.shape[-2:]), 4 / 255), 16)
    assert found._repr_png_() is None
    assert found._repr_html_() is None
    assert imgredux.inject(x[0], torch.full((1, *x.shape[-2:]), 4 / 255), 16)._repr_png_() is not None
