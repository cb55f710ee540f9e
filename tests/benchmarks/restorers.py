"""What a restorer costs on one thread: parameters, seconds per megapixel, memory and minutes for 24 megapixels.

python -m tests.benchmarks.restorers                    # a Markdown table of every installed restorer
python -m tests.benchmarks.restorers arcnn d2lnet       # some
python -m tests.benchmarks.restorers --fresh rdn rnan   # with random weights, on 1024x256 and 1024x1024 pixels
"""

import datetime
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from skimage import data
from skimage.transform import resize

import imgredux
from imgredux._version import commit
from tests.benchmarks.report import processor

LARGE = (4000, 6000)
MEGAPIXEL = (1024, 1024)
STRIP = (256, 1024)


def photograph(height: int, width: int, mode: str, path: Path) -> Path:
    """scikit-image's `motorcycle_left`, resized, as a JPEG of quality 20."""
    pixels = resize(data.stereo_motorcycle()[0], (height, width), order=1, anti_aliasing=False)
    Image.fromarray((pixels * 255).round().astype("uint8")).convert(mode).save(path, quality=20)
    return path


def seconds(name: str, mode: str) -> float:
    """CPU seconds of a call on a megapixel, best of two after a first one."""
    torch.set_num_threads(1)
    method = imgredux.get(name)
    with tempfile.TemporaryDirectory() as folder:
        file = photograph(*MEGAPIXEL, mode, Path(folder) / "photo.jpg")
        taken = []
        for _ in range(3):
            start = time.process_time()
            method(file)
            taken.append(time.process_time() - start)
    return min(taken[1:]) / (MEGAPIXEL[0] * MEGAPIXEL[1] / 1e6)


def memory(name: str, size: tuple[int, int] = LARGE) -> tuple[float, float]:
    """MiB beyond what was resident with the method loaded, and CPU minutes, for a colour JPEG of this size."""
    with tempfile.TemporaryDirectory() as folder:
        file = photograph(*size, "RGB", Path(folder) / "photo.jpg")
        code = f"from tests.benchmarks.restorers import peak; print(*peak({name!r}, {str(file)!r}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used, taken = map(float, done.stdout.split())
    return used, taken / 60


def peak(name: str, file: str) -> tuple[float, float]:
    """In a process of its own: MiB beyond what was resident before the call, and its CPU seconds. Linux only."""
    torch.set_num_threads(1)
    method = made(name)
    method(torch.rand(1, 3, 64, 64), qtable=imgredux.ops.ijg_tables(20)[None])
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    start = time.process_time()
    method(file)
    taken = time.process_time() - start
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before, taken


def made(name: str) -> imgredux.Restorer:
    """The method, with random weights where it has none; what it costs does not depend on them."""
    if not imgredux.info(name).untrained:
        return imgredux.get(name)
    torch.manual_seed(0)
    return imgredux.create(name).eval().requires_grad_(False)


def fresh(names: list[str]) -> None:
    """Large networks: a megapixel takes minutes, so 24 of them are computed from it."""
    print("| method | parameters | s/MP, colour | MiB beyond torch, 0.26 MP | MiB, 1.05 MP | 24 MP: CPU hours |")
    print("|---|---|---|---|---|---|")
    for name in names:
        parameters = sum(p.numel() for p in made(name).parameters())
        (least, _), (most, minutes) = memory(name, STRIP), memory(name, MEGAPIXEL)
        megapixel = 60 * minutes / (MEGAPIXEL[0] * MEGAPIXEL[1] / 1e6)
        hours = megapixel * 24 / 3600
        print(f"| `{name}` | {parameters:,} | {megapixel:.0f} | {least:.0f} | {most:.0f} | {hours:.1f} |", flush=True)


def main(names: list[str]) -> None:
    print(f"{datetime.date.today()}, commit {commit()}, {processor()}, torch {torch.__version__}.\n")
    if names[:1] == ["--fresh"]:
        fresh(names[1:])
        return
    print("| method | parameters | s/MP, grey | s/MP, colour | 24 MP colour: MiB beyond torch | 24 MP: CPU minutes |")
    print("|---|---|---|---|---|---|")
    for name in names:
        parameters = sum(p.numel() for p in imgredux.get(name).parameters())
        used, minutes = memory(name)
        cells = [f"{parameters:,}", *(f"{seconds(name, mode):.2f}" for mode in ("L", "RGB")), f"{used:.0f}"]
        print(f"| `{name}` | {' | '.join(cells)} | {minutes:.1f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or [n for n in imgredux.list_methods("restorer") if not imgredux.info(n).untrained])
