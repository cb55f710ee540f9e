"""The metrics of the core keep the rules that the conformance suite has for all."""

import pytest
import torch
from torch import Tensor

from imgredux import metrics
from imgredux.metrics import METRICS, Function
from imgredux.testing import MetricConformance
from imgredux.testing.shared import shared

NEEDS_FILES = ("lpips",)
FUNCTIONS = {name: metric.function for name, metric in METRICS.items()}


def pspnr(image: Tensor, reference: Tensor, *, strict: bool = False) -> Tensor:
    return metrics.pspnr(image, reference, torch.full_like(reference[:, :1], 0.01), strict=strict)


FUNCTIONS["pspnr"] = pspnr


class TestOurs(MetricConformance):
    # They stand in a table of the core, not behind an entry point.
    test_declaration_imports_no_torch = None
    test_entry_point_is_the_name = None
    test_more_damage_is_a_worse_score = None  # each has better ones in a file of its own

    @pytest.fixture(params=sorted(FUNCTIONS))
    def metric(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Function:
        if request.param in NEEDS_FILES:
            monkeypatch.setenv("IMGREDUX_LPIPS_BACKBONES", str(shared("weights/lpips")))
        return FUNCTIONS[request.param]
