"""What the door costs: CPU time of `import imgredux`, `imgredux list -q`, and `imgredux.restore` on a warm process.

    python -m tests.benchmarks.front_door [PYTHON ...]

prints a Markdown table with a column for each interpreter, this one by default: name another, whose environment has
another version, to compare both in one run. One thread, medians; interpreters take turns.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence

ROUNDS = 7
IMPORT = "import imgredux"
LIST = "import sys; sys.argv = ['imgredux', 'list', '-q']; from imgredux.cli import main; main()"
RESTORE = """
import io, time
import numpy as np
import torch
from PIL import Image
from skimage import data
import imgredux

torch.set_num_threads(1)
file = io.BytesIO()
Image.fromarray(np.ascontiguousarray(data.astronaut()[100:228, 100:292])).save(file, "JPEG", quality=30)
image = Image.open(file)
for _ in range(3):
    imgredux.restore(image)
start = time.process_time()
for _ in range(10):
    imgredux.restore(image)
print((time.process_time() - start) / 10)
"""


def process(python: str, code: str) -> float:
    """CPU seconds of a whole process, its start included."""
    before = os.times()
    subprocess.run([python, "-P", "-c", code], env=_environment(), stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def warm(python: str, code: str) -> float:
    """The seconds that a process prints."""
    done = subprocess.run([python, "-P", "-c", code], env=_environment(), capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def main(pythons: Sequence[str]) -> None:
    print(f"| CPU seconds | {' | '.join(pythons)} |\n|---{'|---' * len(pythons)}|")
    rows = (
        ("`import imgredux`, a process", process, IMPORT),
        ("`imgredux list -q`, a process", process, LIST),
        ("`imgredux.restore`, 128x192 JPEG, warm", warm, RESTORE),
    )
    for label, measure, code in rows:
        found = [[measure(python, code) for python in pythons] for _ in range(ROUNDS)]
        medians = [statistics.median(column) for column in zip(*found, strict=True)]
        print(f"| {label} | {' | '.join(f'{seconds:.3f}' for seconds in medians)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
