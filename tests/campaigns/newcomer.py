"""What someone new does, timed: a fresh environment, the wheels, a map, a restored JPEG, a smaller file, a notebook.

    python -m tests.campaigns.newcomer [--torch REQUIREMENT] [--wheels FOLDER] [--extra all]

Builds the wheels of the core and of every plugin unless a folder has them, makes a new environment that knows no
checkout, and prints each command with its seconds. Everything but our own wheels comes from pip's index, with no cache
of pip's. --torch: installed first, as those do who want the CPU-only build. The notebook is not counted: its kernel is
installed beside, as a user of notebooks has one. The exit code is 1 where a command fails or leaves no file.
"""

import argparse
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.platforms import build_wheels

COUNTED = 5  # commands from nothing to the smaller file
MINUTES = 5
NOTEBOOK = """
import nbformat, time
from nbclient import NotebookClient
cells = [
    "import imgredux",
    "jnd = imgredux.get('wu2013')('photo.png')\\njnd.shape, float(jnd.mean())",
    "clean = imgredux.restore('old.jpg')\\nclean.size",
    "small = imgredux.get('jndjpeg').encode('photo.png')\\nlen(small)",
]
book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
client = NotebookClient(book, kernel_name="python3", timeout=600)
began = time.perf_counter()
with client.setup_kernel():
    for number, cell in enumerate(book.cells):
        since = time.perf_counter()
        client.execute_cell(cell, number)
        shown = [one["data"]["text/plain"] for one in cell.outputs if one.output_type == "execute_result"]
        print(f"    {time.perf_counter() - since:6.1f} s  {cell.source.splitlines()[0]}  {' '.join(shown)}")
print(f"    {time.perf_counter() - began:6.1f} s  the whole notebook, its kernel's start included")
"""


def photographs(folder: Path) -> None:
    """A photograph as PNG, and an old JPEG of it."""
    from PIL import Image
    from skimage import data

    picture = Image.fromarray(data.chelsea())
    picture.save(folder / "photo.png")
    picture.save(folder / "old.jpg", quality=20)


def clean() -> dict[str, str]:
    """The variables of a shell that knows nothing of this checkout."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST", "VIRTUAL_ENV"))}


def timed(command: Sequence[str | Path], folder: Path, shown: str) -> float:
    """Run a command in the folder, print what a user would type with its seconds, and give these."""
    began = time.perf_counter()
    done = subprocess.run([*map(str, command)], cwd=folder, env=clean(), capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    print(f"{seconds:10.1f} s  {shown}", flush=True)
    if done.returncode:
        sys.exit(f"it failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return seconds


def size_of(folder: Path) -> float:
    """GB of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--extra", default="all")
    parser.add_argument("--torch", help='as "torch==2.13.0+cpu": installed before imgredux')
    parser.add_argument("--wheels", type=Path, help="a folder with the built wheels")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as made:
        folder = Path(made)
        wheels = (chosen.wheels or build_wheels(folder / "wheels")).absolute()
        photographs(folder)
        environment = folder / "venv"
        scripts = environment / ("Scripts" if os.name == "nt" else "bin")
        python, imgredux = scripts / "python", scripts / "imgredux"
        pip = [python, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--find-links", wheels]
        wanted = f"imgredux[{chosen.extra}]"
        print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")

        total = timed([sys.executable, "-m", "venv", environment], folder, "python -m venv venv")
        if chosen.torch:
            total += timed([*pip, chosen.torch], folder, f"pip install {shlex.quote(chosen.torch)}")
        # The second requirement keeps what was installed first.
        kept = [chosen.torch] if chosen.torch else []
        total += timed([*pip, wanted, *kept], folder, f'pip install "{wanted}"')
        for arguments in (
            ["run", "wu2013", "photo.png", "-o", "map.png", "--heatmap"],
            ["run", "auto", "old.jpg", "-o", "restored.png"],
            ["encode", "jndjpeg", "photo.png", "-o", "small.jpg"],
        ):
            total += timed([imgredux, *arguments], folder, shlex.join(["imgredux", *arguments]))
        made_files = ("map.png", "restored.png", "small.jpg")
        missing = [name for name in made_files if not (folder / name).is_file()]
        if missing:
            sys.exit(f"not there: {', '.join(missing)}")
        small, large = (folder / "small.jpg").stat().st_size, (folder / "photo.png").stat().st_size
        print(f"{total:10.1f} s  together; {size_of(environment):.1f} GB; {large} bytes became {small}")

        began = time.perf_counter()
        timed([*pip, "nbclient", "ipykernel"], folder, "pip install nbclient ipykernel")
        script = folder / "notebook.py"
        script.write_text(NOTEBOOK, "utf-8")
        done = subprocess.run([python, script], cwd=folder, env=clean(), capture_output=True, text=True, check=False)
        print(done.stdout, end="")
        if done.returncode:
            sys.exit(done.stderr[-4000:])
        print(f"{time.perf_counter() - began:10.1f} s  the notebook, its kernel's install included")
        if total > 60 * MINUTES:
            sys.exit(f"more than {MINUTES} minutes")


if __name__ == "__main__":
    main()
