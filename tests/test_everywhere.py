"""The code runs on Windows too: nothing that POSIX systems alone have is used without a way round it."""

import ast
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgredux.batch import outputs

REPOSITORY = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for folder in ("imgredux", "plugins")
    for path in (REPOSITORY / folder).rglob("*.py")
    if "tests" not in path.parts and not any(part.startswith(".") for part in path.relative_to(REPOSITORY).parts)
)
MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog", "readline", "curses"}
NAMES = {
    "os": {"fork", "sched_getaffinity", "nice", "getuid", "geteuid", "getpgid", "killpg", "setsid", "mkfifo", "chown"},
    "signal": {"SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU", "SIGXFSZ", "SIGQUIT", "SIGPIPE"},
}
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def posix_only(tree: ast.Module) -> Iterator[str]:
    """What of it is used with no `try` that catches ImportError, and no `hasattr`, around it."""

    def visit(node: ast.AST, guarded: bool) -> Iterator[str]:
        if isinstance(node, ast.Try):
            caught = {
                name.id for one in node.handlers if one.type for name in ast.walk(one.type) if hasattr(name, "id")
            }
            inside = guarded or bool(caught & {"ImportError", "ModuleNotFoundError", "AttributeError"})
            for child in node.body:
                yield from visit(child, inside)
            for child in (*node.handlers, *node.orelse, *node.finalbody):
                yield from visit(child, guarded)
            return
        if isinstance(node, ast.If | ast.IfExp) and any(
            isinstance(one, ast.Name) and one.id == "hasattr" for one in ast.walk(node.test)
        ):
            guarded = True
        if not guarded:
            if isinstance(node, ast.Import):
                yield from (one.name for one in node.names if one.name.partition(".")[0] in MODULES)
            elif isinstance(node, ast.ImportFrom) and not node.level and (node.module or "") in MODULES:
                yield str(node.module)
            elif isinstance(node, ast.Attribute) and node.attr in NAMES.get(getattr(node.value, "id", ""), ()):
                yield ast.unparse(node)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, guarded)

    return visit(tree, False)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_nothing_that_windows_lacks(path: Path) -> None:
    assert [*posix_only(ast.parse(path.read_text("utf-8")))] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import fcntl", ["fcntl"]),
        ("from resource import setrlimit", ["resource"]),
        ("def f():\n    import pwd", ["pwd"]),
        ("try:\n    import resource\nexcept ImportError:\n    pass", []),
        ("try:\n    import resource\nexcept OSError:\n    pass", ["resource"]),
        ("import os\nos.fork()", ["os.fork"]),
        ("import os\nif hasattr(os, 'nice'):\n    os.nice(19)", []),
        ("import signal\nsignal.SIGKILL", ["signal.SIGKILL"]),
    ],
)
def test_the_scan_finds_them(text: str, found: list[str]) -> None:
    assert [*posix_only(ast.parse(text))] == found


def test_no_file_has_a_name_that_windows_refuses() -> None:
    for folder in ("imgredux", "plugins", "tests", "examples", "docs"):
        for path in (REPOSITORY / folder).rglob("*"):
            assert path.name.partition(".")[0].lower() not in RESERVED, path
            assert not {*path.name} & {*'<>:"|?*\\'}, path
            assert not path.name.endswith((".", " ")), path


def test_a_path_on_another_drive_is_written_down_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def on_another_drive(*_: object) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    assert outputs.relative(tmp_path / "a" / "b.png", tmp_path) == "a/b.png"
    monkeypatch.setattr(os.path, "relpath", on_another_drive)
    assert outputs.relative(tmp_path / "b.png", tmp_path / "out") == (tmp_path / "b.png").as_posix()


def test_all_is_all() -> None:
    """Every plugin and every extra that users have; ray for its size, CompressAI for its NumPy."""
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    plugins = {path.parent.name for path in REPOSITORY.glob("plugins/*/pyproject.toml")} - {"compressai"}
    (own,) = (one for one in extras["all"] if one.startswith("imgredux["))
    assert {*extras["all"]} - {own} == {f"imgredux-{name}" for name in plugins}
    apart = {"all", "ray", "compressai", "test", "bench", "browser", "dev", "docs"}
    assert {*own.removeprefix("imgredux[").removesuffix("]").split(",")} == {*extras} - apart


def test_workflows_name_what_there_is() -> None:
    yaml = pytest.importorskip("yaml")
    for path in (REPOSITORY / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
        assert all({job for job in [needs.get("needs")] if job} <= {*jobs} for needs in jobs.values())
        commands = " ".join(step.get("run", "") for job in jobs.values() for step in job["steps"])
        for word in commands.replace('"', " ").split():
            if word.startswith(("tests/", "plugins/")) and "*" not in word and "$" not in word:
                assert (REPOSITORY / word).exists(), word
            elif word.startswith("tests."):
                assert (REPOSITORY / f"{word.replace('.', '/')}.py").exists(), word
