"""Whether everything that an extra brings has wheels, for each Python and platform, by the package index.

    python -m tests.platforms [--pip] [--extra all] [--python 3.11 3.14]

Nothing is downloaded but lists of files. From the distributions that are installed here it follows what they require
under the markers of the other machine; for each, the index must have a wheel that fits the machine and what is asked of
its version. Ours are taken from this repository. Prints a table; the exit code is 1 where something lacks a wheel.

--pip: builds our wheels and has pip itself resolve, `pip install --dry-run --only-binary=:all: --platform ...`, for
each. pip takes tags of another machine, but asks markers of the one it runs on: it is told the other's here. What the
index has no metadata files for is downloaded whole, into nowhere. A quarter of an hour, two cells at a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from pip._internal.models.index import PyPI

REPOSITORY = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
AT_ONCE = 2  # builds, and runs of pip
_PIP = """
import json, sys
from pip._vendor.packaging import markers
own, other = markers.default_environment, json.loads(sys.argv[1])
markers.default_environment = lambda: {**own(), **other}
from pip._internal.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


class Machine(NamedTuple):
    """A platform: what markers say of it, and the tags of wheels that it takes."""

    name: str
    markers: dict[str, str]
    tags: tuple[str, ...]


def linux(name: str, machine: str) -> Machine:
    old = "manylinux2014", "manylinux2010", "manylinux1"
    tags = (*(f"manylinux_2_{minor}_{machine}" for minor in range(39, 4, -1)), *(f"{one}_{machine}" for one in old))
    return Machine(name, {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine}, tags)


MACHINES = (
    linux("Linux x86-64", "x86_64"),
    linux("Linux arm", "aarch64"),
    Machine(
        "macOS arm",
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
        (
            *(f"macosx_{major}_0_{kind}" for major in range(15, 10, -1) for kind in ("arm64", "universal2")),
            *(f"macosx_10_{minor}_universal2" for minor in range(16, 3, -1)),
        ),
    ),
    Machine(
        "Windows",
        {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
        ("win_amd64",),
    ),
)


def markers_of(machine: Machine, python: str) -> dict[str, str]:
    """What markers of requirements are asked."""
    return {
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_version": python,
        "python_full_version": f"{python}.0",
        "extra": "",
        **machine.markers,
    }


def tags_of(machine: Machine, python: str) -> set[Tag]:
    """The tags of all wheels that fit."""
    major, minor = (int(part) for part in python.split("."))
    interpreter = f"cp{major}{minor}"
    own = cpython_tags((major, minor), platforms=machine.tags)
    return {*own, *compatible_tags((major, minor), interpreter, machine.tags)}


@cache
def ours() -> dict[str, dict]:
    """The distributions of this repository, by name."""
    files = [REPOSITORY / "pyproject.toml", *REPOSITORY.glob("plugins/*/pyproject.toml")]
    projects = [tomllib.loads(file.read_text("utf-8"))["project"] for file in files]
    return {canonicalize_name(project["name"]): project for project in projects}


def required(name: str, extras: frozenset[str], markers: dict[str, str]) -> Iterator[Requirement]:
    """What a distribution asks for there. Nothing is known of one that is not installed here."""
    if name in ours():
        project = ours()[name]
        found = list(project.get("dependencies", ()))
        for extra in extras:
            found += project.get("optional-dependencies", {})[extra]
    else:
        try:
            found = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            return
    for text in found:
        wanted = Requirement(text)
        if wanted.marker is None or any(wanted.marker.evaluate(markers | {"extra": one}) for one in (*extras, "")):
            yield wanted


def closure(extra: str, markers: dict[str, str]) -> dict[str, list[Requirement]]:
    """Everything that `imgredux[extra]` brings there, by name, with what is asked of it."""
    asked: dict[str, list[Requirement]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(f"imgredux[{extra}]")]
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        asked.setdefault(name, []).append(wanted)
        if (name, extras) not in seen:
            seen.add((name, extras))
            waiting += required(name, extras, markers)
    return asked


@cache
def listed(name: str) -> tuple[dict, ...]:
    """The files that the index has of a distribution: `filename`, `requires-python`, `yanked`."""
    index = os.environ.get("PIP_INDEX_URL", PyPI.simple_url).rstrip("/")
    request = urllib.request.Request(f"{index}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return tuple(json.load(answer)["files"])


def has_wheel(name: str, asked: list[Requirement], tags: set[Tag], python: str) -> bool:
    """Whether a wheel fits the machine and all that is asked of the version."""
    for file in listed(name):
        if not file["filename"].endswith(".whl") or file.get("yanked"):
            continue
        try:
            _, version, _, own = parse_wheel_filename(file["filename"])
            fits = SpecifierSet(file.get("requires-python") or "").contains(f"{python}.9")
        except ValueError:  # of a file from before the standards
            continue
        if fits and not own.isdisjoint(tags) and all(one.specifier.contains(version) for one in asked):
            return True
    return False


def build_wheels(into: Path) -> Path:
    """The folder `into`, with a wheel of the core and of every plugin."""

    def build(project: Path) -> None:
        command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(into), str(project)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{project} cannot be built:\n{done.stdout}{done.stderr}")

    projects = [REPOSITORY, *sorted(file.parent for file in REPOSITORY.glob("plugins/*/pyproject.toml"))]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(build, projects))
    return into


def resolved(wheels: Path, extra: str, machine: Machine, python: str) -> tuple[bool, str]:
    """Whether pip finds wheels for all of it there, and how many with which torch, or what it says."""
    markers = {key: value for key, value in markers_of(machine, python).items() if key != "extra"}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--quiet", "--ignore-installed", "--only-binary=:all:", f"--find-links={wheels}"]
        options += [f"--target={folder}/nowhere", f"--report={report}", "--implementation=cp"]
        options += [f"--python-version={python}", *(f"--platform={tag}" for tag in machine.tags)]
        command = [sys.executable, "-c", _PIP, json.dumps(markers), "install", *options, f"imgredux[{extra}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            return False, " ".join(errors)[:300]
        found = {
            one["metadata"]["name"]: one["metadata"]["version"] for one in json.loads(report.read_text())["install"]
        }
    others = [name for name in found if canonicalize_name(name) not in ours()]
    return True, f"{len(found) - len(others)} + {len(others)} wheels, torch {found['torch']}"


def by_pip(extra: str, pythons: list[str], built: Path | None) -> bool:
    """Print the table that pip makes; whether something lacks a wheel. built: the folder of our wheels, if there is."""
    cells = [(python, machine) for python in pythons for machine in MACHINES]
    broken = False
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE) as threads:
        wheels = built.absolute() if built else build_wheels(Path(folder))
        told = threads.map(lambda cell: resolved(wheels, extra, cell[1], cell[0]), cells)
        for python in pythons:
            row = [next(told) for _ in MACHINES]
            print(f"| {python} | {' | '.join(text for _, text in row)} |", flush=True)
            broken |= not all(good for good, _ in row)
    return broken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--extra", default="all")
    parser.add_argument("--pip", action="store_true", help="by pip itself, with the built wheels")
    parser.add_argument("--python", nargs="+", default=PYTHONS)
    parser.add_argument("--wheels", type=Path, help="with --pip: a folder with our wheels, built already")
    parser.add_argument("--build", type=Path, metavar="FOLDER", help="build our wheels into a folder, and no more")
    chosen = parser.parse_args()
    if chosen.build:
        build_wheels(chosen.build)
        return
    broken = False
    print(f"| imgredux[{chosen.extra}] | {' | '.join(machine.name for machine in MACHINES)} |")
    print("|" + "---|" * (len(MACHINES) + 1))
    if chosen.pip:
        sys.exit(by_pip(chosen.extra, chosen.python, chosen.wheels))
    for python in chosen.python:
        cells = []
        for machine in MACHINES:
            asked, tags = closure(chosen.extra, markers_of(machine, python)), tags_of(machine, python)
            others = {name: wanted for name, wanted in asked.items() if name not in ours()}
            lacking = sorted(name for name, wanted in others.items() if not has_wheel(name, wanted, tags, python))
            cells.append(f"without {', '.join(lacking)}" if lacking else f"{len(others)} wheels")
            broken |= bool(lacking)
        print(f"| {python} | {' | '.join(cells)} |", flush=True)
    sys.exit(broken)


if __name__ == "__main__":
    main()
