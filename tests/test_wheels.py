"""Wheels of the core, of every plugin and of a stranger's, built and used in an environment that knows no checkout."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheels

REPOSITORY = Path(__file__).parents[1]
STRANGER = REPOSITORY / "examples" / "third_party"
# CompressAI pins NumPy below 2: its plugin has an environment of its own, `make compressai`.
APART = REPOSITORY / "plugins" / "compressai"
PLUGINS = sorted(path.parent for path in REPOSITORY.glob("plugins/*/pyproject.toml") if path.parent != APART)
PROJECTS = [REPOSITORY, *PLUGINS, STRANGER]
USE = """
import sys
import imgredux, numpy
info = imgredux.info(sys.argv[1])
for tag in info.weights:
    imgredux.get(f"{info.spec.name}.{tag}")
image = numpy.arange(48 * 40 * 3, dtype=numpy.uint32).astype(numpy.uint8).reshape(48, 40, 3)
if not info.spec.user_weights:
    method = imgredux.create(info.spec.name).eval() if info.untrained else imgredux.get(info.spec.name)
    image = method(image)
print(info.distribution, *numpy.shape(image)[:2])
"""
REQUIREMENTS = """
import sys
from importlib.metadata import requires, version
from packaging.requirements import Requirement
for text in requires(sys.argv[1]):
    wanted = Requirement(text)
    if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
        assert wanted.specifier.contains(version(wanted.name)), text
"""
# A sentence of each licence near its beginning, and one near its end.
LICENSES = {
    "Apache-2.0": ("Version 2.0, January 2004", "END OF TERMS AND CONDITIONS"),
    "CC-BY-SA-4.0": ("Attribution-ShareAlike 4.0 International", "Section 8 -- Interpretation."),
    "MIT": ("Permission is hereby granted, free of charge", "USE OR OTHER DEALINGS IN THE SOFTWARE"),
}

# Checks of the conformance suites that tell whether a wheel is whole.
PACKED = "declaration or entry_point or weights_match or every_container or another_process"

METADATA = {folder: tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"] for folder in PROJECTS}
GROUPS = ("imgredux.estimators", "imgredux.restorers", "imgredux.codecs")
METHODS = {
    name: folder
    for folder in PROJECTS[1:]
    for group in GROUPS
    for name in METADATA[folder]["entry-points"].get(group, ())
}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """The wheel of each project, by its folder."""

    def build(folder: Path) -> Path:
        out = tmp_path_factory.mktemp("dist")
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, folder)
        (wheel,) = out.glob("*.whl")
        return wheel

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return dict(zip(PROJECTS, threads.map(build, PROJECTS), strict=True))


@pytest.fixture(scope="module")
def environment(wheels: dict[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment: our wheels in it, their dependencies borrowed from the running one.

    A path in a .pth file is searched, but .pth files found there are not read: editable installs stay out of sight.
    """
    root = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", root)
    python = root / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-index", "--no-deps", "--ignore-installed", *wheels.values())
    return python


def run(*command: str | Path, cwd: str | Path = sys.prefix) -> str:
    """What a command prints, run where no checkout is found by chance."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(command, env=clean, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


each_project = pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: METADATA[folder]["name"])


def package_of(folder: Path) -> str:
    """The name of the package that a project's first entry point leads to."""
    return next(iter(next(iter(METADATA[folder]["entry-points"].values())).values())).partition(".")[0]


def read_wheel(wheel: Path) -> tuple[dict[str, bytes], Message]:
    """What a wheel holds, by name, and its METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    (metadata,) = (name for name in held if name.endswith(".dist-info/METADATA"))
    return held, message_from_bytes(held[metadata])


@each_project
def test_a_wheel_holds_its_package_and_nothing_else(folder: Path, wheels: dict[Path, Path]) -> None:
    held, _ = read_wheel(wheels[folder])
    source = {
        path.relative_to(folder).as_posix()
        for path in (folder / package_of(folder)).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in held if ".dist-info/" not in name} == source
    assert f"{package_of(folder)}/py.typed" in held
    assert not [name for name in held if Path(name).name.startswith("test_")]


@each_project
def test_a_wheel_holds_the_text_of_every_licence_it_names(folder: Path, wheels: dict[Path, Path]) -> None:
    held, metadata = read_wheel(wheels[folder])
    expression = METADATA[folder]["license"]
    assert metadata["License-Expression"] == expression
    licenses = {name.rpartition("/licenses/")[2]: text.decode() for name, text in held.items() if "/licenses/" in name}
    assert {*licenses} == {*metadata.get_all("License-File", [])}
    named = expression.split(" AND ")
    for name in named:
        assert [text for text in licenses.values() if all(part in text for part in LICENSES[name])], name
    assert len(licenses) == len(named)


@each_project
def test_the_licence_covers_the_weights(folder: Path, wheels: dict[Path, Path]) -> None:
    held, metadata = read_wheel(wheels[folder])
    manifests = [tomllib.loads(text.decode()) for name, text in held.items() if name.endswith("/weights.toml")]
    of_weights = {entry["license"] for manifest in manifests for entry in manifest["tags"].values()}
    assert of_weights <= {*metadata["License-Expression"].split(" AND ")}
    assert bool(manifests) == any(name.endswith(".safetensors") for name in held)


@each_project
def test_a_wheel_says_where_its_project_lives(folder: Path, wheels: dict[Path, Path]) -> None:
    _, metadata = read_wheel(wheels[folder])
    links = dict(re.split(", *", line, maxsplit=1) for line in metadata.get_all("Project-URL", []))
    assert links == METADATA[folder]["urls"]
    assert {"Homepage", "Source", "Issues", "Changelog"} <= {*links}


def test_the_environment_uses_the_wheels(environment: Path) -> None:
    code = "import imgredux, imgredux.testing; print(imgredux.__file__, imgredux.testing.__file__)"
    for file in run(environment, "-c", code).split():
        assert Path(file).is_relative_to(environment.parents[1])


@each_project
def test_requirements_are_met(folder: Path, environment: Path) -> None:
    run(environment, "-c", REQUIREMENTS, METADATA[folder]["name"])


def test_the_command_lists_every_method(environment: Path) -> None:
    assert set(METHODS) <= set(run(environment.with_name("imgredux"), "list", "-q").split())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_works_from_its_wheel(name: str, environment: Path) -> None:
    assert run(environment, "-c", USE, name).split() == [METADATA[METHODS[name]]["name"], "48", "40"]


def test_every_method_keeps_the_contract(environment: Path, tmp_path: Path) -> None:
    """What may differ in a wheel; the plugins' own tests run every check on the same code."""
    shutil.copy(REPOSITORY / "tests" / "conformance" / "installed.py", tmp_path / "test_installed.py")
    options = ("-q", "-n", "auto", "-p", "no:cacheprovider", "-k", PACKED)
    printed = run(environment, "-m", "pytest", *options, tmp_path, cwd=tmp_path)
    assert " passed" in printed
    assert " failed" not in printed


def test_a_strangers_tests_pass(environment: Path, tmp_path: Path) -> None:
    shutil.copytree(STRANGER / "tests", tmp_path / "tests")
    printed = run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path / "tests", cwd=tmp_path)
    assert "test_gradmask" not in printed.partition("short test summary")[2]
    assert " passed" in printed
