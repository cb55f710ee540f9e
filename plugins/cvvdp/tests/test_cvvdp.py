"""ColorVideoVDP against the authors' program, and what every metric is held to."""

from pathlib import Path

import pytest
import torch

from imgredux import registry
from imgredux.testing import MetricConformance
from imgredux.testing.damaged import PAIRS, photograph

NAMES = ("cvvdp", "cvvdp_fhd")  # python -m tests.campaigns.judges made their golden values


class TestCvvdp(MetricConformance):
    name = "cvvdp"
    golden = "golden.json"
    relative, absolute = 0.0, 3e-4


class TestCvvdpFhd(MetricConformance):
    name = "cvvdp_fhd"
    golden = "golden.json"
    relative, absolute = 0.0, 3e-4


def test_gray_is_three_equal_channels() -> None:
    x = photograph("coffee", 96, 128)[:, :1]
    y = (x + 0.05).clamp(max=1)
    wide = [z.expand(-1, 3, -1, -1) for z in (y, x)]
    for name in NAMES:
        metric = registry.metric(name).function
        assert torch.equal(metric(y, x), metric(*wide))


def test_farther_away_less_is_seen() -> None:
    from imgredux_cvvdp.metric import Display, cvvdp

    pair = PAIRS["noise, hardly seen"]()
    quality = [cvvdp(*pair, Display(ppd=ppd)).item() for ppd in (20, 40, 80)]
    assert quality == sorted(quality)
    assert quality[0] < quality[2] - 0.1


def test_a_display_has_its_own_pixels_per_degree() -> None:
    from imgredux_cvvdp.metric import STANDARD_4K, STANDARD_FHD

    assert STANDARD_4K.ppd == pytest.approx(75.4, abs=0.05)
    assert STANDARD_FHD.ppd == pytest.approx(37.8, abs=0.05)


def test_noise_is_found_at_a_quality() -> None:
    from imgredux_cvvdp.metric import cvvdp_fhd
    from imgredux_cvvdp.visibility import at_quality, hidden

    image = photograph("astronaut", 128, 160).mul(255).round().div(255)
    jnd = torch.full_like(image[:, :1], 2 / 255)
    for quality in (9.5, 9.0):
        noisy, phi, found = at_quality(image, jnd, quality)
        assert found == pytest.approx(quality, abs=0.05)  # a flat map moves by whole levels
        assert cvvdp_fhd(noisy, image).item() == pytest.approx(found, abs=1e-5)
        assert hidden(jnd, phi).item() == pytest.approx(torch.tensor(1 + 2 * phi).log2().item())
    busy = jnd + image.std(1, keepdim=True) / 8
    found = [at_quality(image, busy, quality) for quality in (9.8, 9.5, 9.0, 8.0)]
    assert [one.quality for one in found] == pytest.approx([9.8, 9.5, 9.0, 8.0], abs=0.003)
    assert [one.phi for one in found] == sorted(one.phi for one in found)


def test_the_protocol_measures_and_reports(tmp_path: Path) -> None:
    from PIL import Image
    from skimage import data

    from imgredux.datasets import folder
    from imgredux.evaluate import evaluate, read_rows
    from imgredux.report import report

    (tmp_path / "photos").mkdir()
    Image.fromarray(data.chelsea()[:96, :128]).save(tmp_path / "photos" / "chelsea.png")
    out, names = tmp_path / "rows.jsonl", ["localstd", "flat", "concentrated"]
    assert evaluate("jnd-visibility", names, [folder(tmp_path / "photos")], out, levels=[9.5], metrics=[]) == []
    rows = {row["method"]: row["values"] for row in read_rows(out)}
    assert rows["localstd"]["hidden"] > rows["concentrated"]["hidden"]
    assert rows["localstd"]["quality"] == pytest.approx(9.5, abs=0.003)
    report(out, tmp_path / "report")
    assert "Hidden, bits" in next((tmp_path / "report").glob("*.md")).read_text("utf-8")


@pytest.mark.parametrize("name", ["chou1995", "flat", "localstd", "wei2009", "wu2013", "wu2017", "yang2005", "ki2018"])
def test_one_jod_of_a_map_is_about_one_jod(name: str) -> None:
    from imgredux_cvvdp.metric import cvvdp_fhd

    import imgredux

    image = photograph("astronaut", 256, 256).mul(255).round().div(255)
    estimator = imgredux.get(name)
    signs = torch.randint(0, 2, (256, 256), generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    noisy = (image + estimator.jod * estimator(image) * signs).clamp(0, 1).mul(255).round().div(255)
    assert 8.3 < cvvdp_fhd(noisy, image).item() < 9.5


@pytest.mark.parametrize(("ppd", "peak"), [(20, 200), (60, 200), (75.4, 500), (37.8, 50)])
def test_one_jod_at_another_distance_and_display(ppd: float, peak: float) -> None:
    from imgredux_cvvdp.metric import STANDARD_FHD, cvvdp

    import imgredux

    image = photograph("chelsea", 256, 256).mul(255).round().div(255)
    signs = torch.randint(0, 2, (256, 256), generator=torch.Generator().manual_seed(0)).mul(2).sub(1)
    noisy = (image + imgredux.get("localstd", ppd=ppd, peak=peak)(image) * signs).clamp(0, 1).mul(255).round().div(255)
    assert 8.3 < cvvdp(noisy, image, STANDARD_FHD._replace(ppd=ppd, peak=peak)).item() < 9.5
