"""Broken plugins beside sound ones: each says what is wrong with it when it is asked for, and hurts nobody else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

METHOD = """
from imgredux import Estimator

class Flat(Estimator):
    def forward(self, x):
        return x[:, :1] * 0 + 0.01
"""
ANSWER = """
from imgredux import Spec, hookimpl

def spec(name="NAME", target="PACKAGE.method:Flat", **more):
    about = dict(kind="estimator", title="toy", paper="none", license="Apache-2.0")
    return Spec(name=name, target=target, **{{**about, **more}})

@hookimpl
def imgredux_methods():
    return {}
"""
SOUND = ANSWER.format("[spec()]")

# What the package's __init__ holds, and what is said of it.
UNLOADABLE = {
    "needs-an-absent-package": ("import not_to_be_found", "ModuleNotFoundError"),
    "is-no-python": ("def broken(:", "SyntaxError"),
    "raises-when-imported": ("raise RuntimeError('no licence key')", "no licence key"),
    "presses-ctrl-c-itself": ("raise KeyboardInterrupt", "it raises KeyboardInterrupt()"),
    "closes-a-generator": ("raise GeneratorExit", "it raises GeneratorExit()"),
    "raises-what-no-except-catches": ("class Odd(BaseException): pass\nraise Odd('so')", "it raises Odd('so')"),
    "interrupts-in-the-hook": (ANSWER.format("(_ for _ in ()).throw(KeyboardInterrupt())"), "KeyboardInterrupt"),
    "leaves-the-interpreter": ("import sys; sys.exit('goodbye')", "sys.exit(goodbye)"),
    "implements-no-hook": ("", "declares no 'implements-no-hook'"),
    "raises-in-the-hook": (ANSWER.format("1 / 0"), "ZeroDivisionError"),
    "answers-a-number": (ANSWER.format("42"), "TypeError"),
    "answers-dictionaries": (ANSWER.format("[{'name': 'NAME'}]"), "must return imgredux.Spec objects"),
    "answers-another-name": (ANSWER.format("[spec('other')]"), "declares 'other', which has no entry point"),
    "takes-the-name-of-another": (ANSWER.format("[spec('good')]"), "declares 'good', which has no entry point"),
    "stands-in-the-group-of-another-kind": (ANSWER.format("[spec(kind='codec')]"), "in the entry-point group of est"),
    "is-of-an-unknown-kind": (ANSWER.format("[spec(kind='oracle')]"), "kind 'oracle' is none of"),
    "is-of-a-version-to-come": (ANSWER.format("[spec(shape='round')]"), "unexpected keyword argument 'shape'"),
}
# Declarations that load, of methods that cannot be built; and what the package holds besides.
UNBUILDABLE = {
    "lacks-its-class": (ANSWER.format("[spec(target='PACKAGE.method:Gone')]"), {}, "AttributeError"),
    "lacks-its-module": (ANSWER.format("[spec(target='PACKAGE.gone:Flat')]"), {}, "ModuleNotFoundError"),
    "has-a-class-of-another-kind": (ANSWER.format("[spec(kind='restorer')]"), {}, "no subclass of Restorer"),
    "interrupts-when-built": (SOUND, {"method.py": "raise KeyboardInterrupt"}, "KeyboardInterrupt"),
    "leaves-when-built": (SOUND, {"method.py": "import sys; sys.exit('goodbye')"}, "goodbye"),
    "has-a-manifest-that-is-no-toml": (SOUND, {"weights.toml": "= ="}, "weights.toml"),
    "names-a-weight-file-that-is-absent": (
        SOUND,
        {
            "weights.toml": 'default = "a"\n[tags.a]\n'
            'file = "a.safetensors"\nsha256 = ""\nbytes = 0\nlicense = "MIT"\ntraining = ""\n'
        },
        "a.safetensors",
    ),
}
HARMLESS = {"imports-torch": "import torch\n" + SOUND, "prints": "print('noise')\n" + SOUND}
CHILD = """
import json, sys, warnings
import imgredux

def told(call, name):
    try:
        answer = call(name)
        return type(answer).__name__
    except Exception as error:
        return f"{type(error).__name__}: {error}"

said = {"listed": imgredux.list_methods(), "info": {}, "again": {}, "get": {}, "good": {}}
for name in [*sys.argv[1:], "good"]:
    for word, call in {"info": imgredux.info, "again": imgredux.info, "get": imgredux.get}.items():
        said[word][name] = told(call, name)
    said["good"][name] = told(imgredux.get, "good")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    said["estimators"] = imgredux.list_methods("estimator")
said["warned"] = [str(warning.message) for warning in caught]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def site(install: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every broken plugin, and a sound one among them."""
    folder = tmp_path_factory.mktemp("site")
    packages = {name: (declaration, {}) for name, (declaration, _) in UNLOADABLE.items()}
    packages |= {name: (declaration, files) for name, (declaration, files, _) in UNBUILDABLE.items()}
    packages |= {name: (declaration, {}) for name, declaration in {**HARMLESS, "good": SOUND}.items()}
    for name, (declaration, files) in packages.items():
        package = f"imgredux_{name.replace('-', '_')}"
        text = declaration.replace("NAME", name).replace("PACKAGE", package)
        held = {"__init__.py": text, "method.py": METHOD, **files}
        files = {f"{package}/{path}": content for path, content in held.items()}
        kind = "restorer" if name == "has-a-class-of-another-kind" else "estimator"
        install(folder, f"imgredux-{name}", {name: package}, files, kind)
    return folder


def python(site: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def command_line(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return python(site, "from imgredux.cli import main; main()", *words)


@pytest.fixture(scope="module")
def said(site: Path) -> dict:
    """What one process that asks for every method in turn is told."""
    done = python(site, CHILD, *UNLOADABLE, *UNBUILDABLE, *HARMLESS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", UNLOADABLE)
def test_a_plugin_that_cannot_be_loaded_says_why(name: str, said: dict) -> None:
    for word in ("info", "again", "get"):
        assert said[word][name].startswith(f"PluginError: the plugin for {name!r} is installed but cannot be loaded")
        assert UNLOADABLE[name][1] in said[word][name]


@pytest.mark.parametrize("name", UNBUILDABLE)
def test_a_method_that_cannot_be_built_says_why(name: str, said: dict) -> None:
    assert said["get"][name].partition(":")[0] in ("PluginError", "WeightsError")
    assert UNBUILDABLE[name][2] in said["get"][name]


@pytest.mark.parametrize("name", [*HARMLESS, "good"])
def test_a_sound_plugin_works_beside_them(name: str, said: dict) -> None:
    assert (said["info"][name], said["get"][name]) == ("Info", "Flat")
    assert name in said["estimators"]


def test_nothing_that_is_broken_spoils_the_sound_one(said: dict) -> None:
    assert {*UNLOADABLE, *UNBUILDABLE, "good"} <= set(said["listed"])
    assert set(said["good"].values()) == {"Flat"}


def test_listing_a_kind_warns_once_of_each_that_cannot_be_loaded(said: dict) -> None:
    assert not set(UNLOADABLE) & set(said["estimators"])
    for name, (_, cause) in UNLOADABLE.items():
        (warning,) = [text for text in said["warned"] if repr(name) in text.partition(":")[0]]
        assert cause in warning


def test_two_distributions_with_one_name_are_both_named(install: Callable[..., Path], tmp_path: Path) -> None:
    for name, package in {"imgredux-twice": "first", "stranger-twice": "second"}.items():
        text = SOUND.replace("NAME", "twice").replace("PACKAGE", package)
        install(tmp_path, name, {"twice": package}, {f"{package}/__init__.py": text})
    error = command_line(tmp_path, "info", "twice").stderr
    assert "two distributions provide the method 'twice': imgredux-twice 0.1.0 and stranger-twice 0.1.0" in error


def test_one_distribution_found_twice_is_no_conflict(install: Callable[..., Path], tmp_path: Path) -> None:
    text = SOUND.replace("NAME", "twice").replace("PACKAGE", "package")
    for folder in ("first", "second"):
        install(tmp_path / folder, "imgredux-twice", {"twice": "package"}, {"package/__init__.py": text})
    code = "import sys; sys.path.append(sys.argv[1]); import imgredux; print(imgredux.info('twice').distribution)"
    assert python(tmp_path / "first", code, str(tmp_path / "second")).stdout == "imgredux-twice\n"


def test_the_command_lists_names_without_running_plugins(site: Path) -> None:
    done = command_line(site, "list", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert {*UNLOADABLE, *UNBUILDABLE, *HARMLESS, "good"} <= set(done.stdout.splitlines())
    assert "noise" not in done.stdout


def test_the_command_lists_what_loads_and_names_what_does_not(site: Path) -> None:
    done = command_line(site, "list")
    assert done.returncode == 0
    lines = {text.split()[0]: text.split()[1] for text in done.stdout.splitlines() if len(text.split()) > 1}
    assert lines["good"] == "estimator"
    assert not {*UNLOADABLE} & set(lines)
    for name, (_, cause) in UNLOADABLE.items():
        assert any(repr(name) in text and cause in text for text in done.stderr.splitlines()), name


def test_the_check_of_the_command_line_names_every_broken_plugin(site: Path) -> None:
    done = command_line(site, "list", "--check")
    lines = {text.split()[0]: text for text in done.stdout.splitlines() if text.strip()}
    assert all(cause in lines[name] for name, (_, cause) in UNLOADABLE.items())
    assert lines["good"].endswith("ok")
    assert done.returncode == 3


@pytest.mark.parametrize("words", [("info",), ("run", "picture.png", "-o", "map.png")], ids=["info", "run"])
def test_the_command_line_says_the_cause_in_a_line(words: tuple[str, ...], site: Path) -> None:
    done = command_line(site, words[0], "leaves-the-interpreter", *words[1:])
    assert done.returncode in (2, 3)
    assert "sys.exit(goodbye)" in done.stderr
    assert "Traceback" not in done.stderr
