"""A trace leaves nothing behind: after `torch.export` or `torch.compile` a process computes what a fresh one does."""

import subprocess
import sys
from pathlib import Path

import numpy as np

PROGRAM = """
import sys
import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
import imgredux
from imgredux import metrics, ops

traced, out = sys.argv[1:]
torch.manual_seed(0)
x = torch.rand(1, 3, 64, 64)
y = (x + 0.05 * torch.randn(x.shape)).clamp(0, 1)


class Whole(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.method = imgredux.get(name) if name else None

    def forward(self, x):
        if self.method is None:
            return metrics.psnr_hvs_m(x, y) + metrics.ssim(x, y) + metrics.ssimulacra2(x, y)
        return self.method(x)


def fake(whole):
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        whole(mode.from_tensor(x))


wholes = [Whole(name).eval() for name in ("wei2009", "zhang2005", "ddjnd", "")]
traces = (lambda m: torch.export.export(m, (x,)), lambda m: torch.compile(m, backend="eager")(x), fake)
with torch.no_grad():
    for trace in traces if traced == "yes" else ():
        for whole in wholes:
            try:
                trace(whole)
            except Exception as error:  # what cannot be traced may leave nothing behind either
                print(type(error).__name__, str(error)[:200], file=sys.stderr)
    found = [whole(x).numpy() for whole in wholes]
np.savez(out, *found, ops.dct(x).numpy(), ops.ijg_family().numpy())
"""


def test_a_trace_leaves_no_tensor_behind(tmp_path: Path) -> None:
    found = []
    for traced in ("yes", "no"):
        out = tmp_path / f"{traced}.npz"
        subprocess.run([sys.executable, "-c", PROGRAM, traced, str(out)], check=True, capture_output=True)
        found.append([*np.load(out).values()])
    for ours, fresh in zip(*found, strict=True):
        assert np.array_equal(ours, fresh)
