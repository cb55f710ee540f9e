"""butteraugli against the authors' program, and what every metric is held to."""

import torch

from imgredux import registry
from imgredux.testing import MetricConformance
from imgredux.testing.damaged import PAIRS, photograph

NAMES = ("butteraugli", "butteraugli_3norm")  # python -m tests.campaigns.judges made their golden values


class TestLargest(MetricConformance):
    name = "butteraugli"
    golden = "golden.json"
    relative = 3e-5


class TestThreeNorm(MetricConformance):
    name = "butteraugli_3norm"
    golden = "golden.json"
    relative = 3e-5


def test_gray_is_three_equal_channels() -> None:
    x = photograph("coffee", 96, 128)[:, :1]
    y = (x + 0.05).clamp(max=1)
    wide = [z.expand(-1, 3, -1, -1) for z in (y, x)]
    for name in NAMES:
        metric = registry.metric(name).function
        assert torch.equal(metric(y, x), metric(*wide))


def test_it_is_not_symmetric() -> None:
    """The reference masks, the image does not."""
    image, reference = PAIRS["blurred"]()
    metric = registry.metric("butteraugli_3norm").function
    assert abs(metric(image, reference) - metric(reference, image)) > 0.01
