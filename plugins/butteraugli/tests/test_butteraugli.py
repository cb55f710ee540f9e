"""butteraugli against the authors' program, and what every metric is held to."""

import json
from pathlib import Path

import pytest
import torch

from imgredux import registry
from imgredux.testing import MetricConformance
from imgredux.testing.damaged import PAIRS, photograph

GOLDEN = json.loads(Path(__file__).with_name("golden.json").read_text("utf-8"))


class TestLargest(MetricConformance):
    name = "butteraugli"


class TestThreeNorm(MetricConformance):
    name = "butteraugli_3norm"


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", GOLDEN)
def test_it_is_the_programs(name: str, pair: str) -> None:
    """python -m tests.campaigns.judges made the values."""
    ours = registry.metric(name).function(*PAIRS[pair]()).item()
    assert ours == pytest.approx(GOLDEN[name][pair], rel=3e-5, abs=1e-6)


def test_gray_is_three_equal_channels() -> None:
    x = photograph("coffee", 96, 128)[:, :1]
    y = (x + 0.05).clamp(max=1)
    wide = [z.expand(-1, 3, -1, -1) for z in (y, x)]
    for name in GOLDEN:
        metric = registry.metric(name).function
        assert torch.equal(metric(y, x), metric(*wide))


def test_it_is_not_symmetric() -> None:
    """The reference masks, the image does not."""
    image, reference = PAIRS["blurred"]()
    metric = registry.metric("butteraugli_3norm").function
    assert abs(metric(image, reference) - metric(reference, image)) > 0.01
