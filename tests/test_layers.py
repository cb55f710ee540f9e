"""The floor plan: which room may import which. `docs/explanation/decisions/0013-the-second-house.md` says why."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "imgredux"
# From the lowest floor up. Rooms of one floor do not import one another.
FLOORS = (
    {"errors", "_version", "_lazy", "bars"},
    {"kernels"},
    {"ops"},
    {"io", "metrics"},
    {"maps", "forensics", "datasets", "critical", "judging"},
    {"methods"},
    {"registry", "losses"},
    {"dispatch"},
    {"batch", "export", "protocols"},
    {"evaluate", "training", "testing"},
    {"gallery"},
    {"report"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = {
    ".".join(["imgredux", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imports(module: str) -> Iterator[str]:
    """The modules of the package that a module names in an import: anywhere in it, for type checkers only too."""
    for node in ast.walk(ast.parse(FILES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "imgredux")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            if node.module and node.module.partition(".")[0] == "imgredux":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in FILES else node.module


GRAPH = {module: {*imports(module)} for module in FILES if module != "imgredux"}


def room(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in GRAPH} == set(FLOOR)


@pytest.mark.parametrize("module", sorted(GRAPH))
def test_imports_run_downwards(module: str) -> None:
    for other in GRAPH[module]:
        assert other != "imgredux", f"{module} imports the package itself: name the module"
        if room(other) != room(module):
            assert FLOOR[room(other)] < FLOOR[room(module)], f"{module} imports {other}, which is not below it"


def test_no_module_imports_itself_by_a_detour() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_a_circle_would_be_found() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def test_the_front_door_is_all_that_is_lazy() -> None:
    """What `imgredux` names for type checkers is what it finds at run time."""
    import imgredux

    for name in [*imgredux.__all__, *imgredux._ROOMS]:
        assert getattr(imgredux, name) is not None
    named = {module.rpartition(".")[2] for module in imports("imgredux") if module in FILES}
    assert set(imgredux._ROOMS) <= named
