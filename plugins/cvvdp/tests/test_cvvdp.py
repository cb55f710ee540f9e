"""ColorVideoVDP against the authors' program, and what every metric is held to."""

import json
from pathlib import Path

import pytest
import torch

from imgredux import registry
from imgredux.testing import MetricConformance
from imgredux.testing.damaged import PAIRS, photograph

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))


class TestCvvdp(MetricConformance):
    name = "cvvdp"


class TestCvvdpFhd(MetricConformance):
    name = "cvvdp_fhd"


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_the_programs(name: str, pair: str) -> None:
    """python -m tests.campaigns.judges made the values."""
    ours = registry.metric(name).function(*PAIRS[pair]()).item()
    assert ours == pytest.approx(GOLDEN[name][pair], abs=3e-4)


def test_gray_is_three_equal_channels() -> None:
    x = photograph("coffee", 96, 128)[:, :1]
    y = (x + 0.05).clamp(max=1)
    wide = [z.expand(-1, 3, -1, -1) for z in (y, x)]
    for name in GOLDEN:
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
