"""What the documents say runs: the guide's code in order, the plugin page's toml and Python, the links, the demo."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

import imgredux

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
MADE = {"reference/cards.md", "gallery/index.html"}  # by docs/hooks
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("plugins/*/README.md")])


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_guides_code_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.chelsea()[:120, :160]).save("photo.png")
    names: dict[str, object] = {}
    for code in blocks(DOCS / "tutorial" / "guide.md", "python"):
        exec(compile(code, "docs/tutorial/guide.md", "exec"), names)
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png", "noisy.png", "map.png", "old.jpg"}


def test_the_plugin_page_makes_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = DOCS / "how-to" / "write-a-plugin.md"
    project, manifest = (tomllib.loads(text) for text in blocks(page, "toml"))
    assert project["project"]["entry-points"]["imgredux.estimators"] == {"mine": "imgredux_mine"}
    assert manifest["tags"][manifest["default"]]["training"]["recipe"]
    package = tmp_path / "imgredux_mine"
    package.mkdir()
    declaration, method = blocks(page, "python")[:2]
    (package / "__init__.py").write_text(declaration)
    (package / "method.py").write_text(method)
    monkeypatch.syspath_prepend(tmp_path)
    import imgredux_mine  # pyright: ignore[reportMissingImports]

    (spec,) = imgredux_mine.imgredux_methods()
    imgredux.register(spec)
    assert imgredux.get("mine")(data.camera()).shape == (512, 512)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        there = page.parent / target
        assert there.exists() or _made_by_the_site(there), target


def _made_by_the_site(page: Path) -> bool:
    """Whether building the site makes a page: of a tutorial's script, the method cards, the gallery."""
    made = page.resolve().relative_to(DOCS).as_posix()
    return made in MADE or (made.startswith("tutorial/") and page.with_suffix(".py").exists())


def test_the_menu_has_every_page_once() -> None:
    """The site's own strict build checks it too; this takes no minute."""
    listed = re.findall(r"^ +- (?:.*: )?(\S+\.md)$", (REPOSITORY / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    pages = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    tutorials = [page.relative_to(DOCS).with_suffix(".md").as_posix() for page in DOCS.glob("tutorial/*.py")]
    assert sorted(listed) == sorted([*pages, *tutorials, "reference/cards.md"])


def test_the_home_page_is_short() -> None:
    assert len((DOCS / "index.md").read_text("utf-8").split()) <= 400


def test_the_python_pages_cover_the_documented_modules() -> None:
    pages = {page.stem for page in DOCS.glob("reference/api/*.md")}
    rooms = set(runpy.run_path(str(REPOSITORY / "imgredux" / "__init__.py"))["_ROOMS"])
    assert pages == {"imgredux", *rooms}


def test_the_stated_methods_are_the_installed_ones() -> None:
    text = (DOCS / "reference" / "methods.md").read_text("utf-8")
    for names in json.loads((REPOSITORY / "imgredux" / "installable.json").read_text("utf-8")).values():
        assert all(f"`{name}`" in text or name == "estimator" for name in names)


def test_the_page_of_methods_is_up_to_date() -> None:
    script = runpy.run_path(str(REPOSITORY / "tests" / "methods_page.py"))
    assert script["FILE"].read_text("utf-8") == script["page"](), "write it anew: make methods"


def test_the_page_of_commands_is_up_to_date() -> None:
    script = runpy.run_path(str(REPOSITORY / "tests" / "cli_page.py"))
    assert script["FILE"].read_text("utf-8") == script["page"](), "write it anew: make cli"


def test_the_demo_makes_its_pictures(tmp_path: Path) -> None:
    script = REPOSITORY / "examples" / "demo.py"
    done = subprocess.run([sys.executable, script, tmp_path, "chelsea"], capture_output=True, text=True, check=True)
    assert "wei2009" in done.stdout
    assert "wu2013" in done.stdout
    assert "ddjnd" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} >= {"chelsea.sheet.webp", "chelsea.wei2009.JND-map.png"}


@pytest.mark.parametrize(
    "arguments",
    [["equal_noise"], ["restoration"], ["qp_map"], ["jnd_maps", "chelsea"], ["worst_crops", "chelsea"]],
    ids=" ".join,
)
def test_an_example_makes_its_picture(arguments: list[str], tmp_path: Path) -> None:
    name, *only = arguments
    script = REPOSITORY / "examples" / f"{name}.py"
    subprocess.run([sys.executable, script, tmp_path / "sheet.webp", *only], check=True)
    with Image.open(tmp_path / "sheet.webp") as sheet:
        assert sheet.width > 700
