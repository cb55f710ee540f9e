"""How the command line speaks: lists, silence, the log, names that shells complete, settings that were meant."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

import imgredux
from imgredux import registry
from imgredux.cli import app
from imgredux.testing.inputs import as_jpeg, sample_image
from imgredux.testing.process import run_python


def imgredux_(*arguments: str, code: int = 0) -> tuple[str, str]:
    """What the command prints on stdout and stderr, its exit code being `code`."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
    return result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two JPEGs of quality 20 in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        as_jpeg(sample_image(), 20).save(f"in/{name}.jpg", quality="keep")
    return tmp_path


def test_a_list_has_name_kind_and_title_a_line_each() -> None:
    lines = imgredux_("list")[0].splitlines()
    held = {line.split()[0]: line.split(None, 2)[1:] for line in lines}
    assert [*held] == imgredux_("list", "-q")[0].split() == registry.list_methods()
    for name in ("flat", "arcnn", "jndjpeg"):
        spec = imgredux.info(name).spec
        assert held[name] == [spec.kind, spec.title]
    assert "metric" in imgredux_("list", "--kind", "metric")[0]
    titles = imgredux_("list", "--kind", "protocol")[0]
    assert registry.protocol("jpeg-y").title in titles


def test_a_list_as_json_has_all_that_is_declared() -> None:
    held = {one["name"]: one for one in json.loads(imgredux_("list", "--json")[0])}
    assert sorted(held) == registry.list_methods()
    info = imgredux.info("arcnn")
    assert held["arcnn"] == {
        "name": "arcnn",
        "kind": "restorer",
        "title": info.spec.title,
        "paper": info.spec.paper,
        "license": info.spec.license,
        "distribution": "imgredux-arcnn",
        "version": info.version,
        "tags": [*info.weights],
    }
    codecs = json.loads(imgredux_("list", "--json", "-q", "--kind", "codec")[0])
    assert {one["kind"] for one in codecs} == {"codec"}
    metrics = {one["name"]: one for one in json.loads(imgredux_("list", "--json", "--kind", "metric")[0])}
    assert metrics["ssim"]["title"] == "SSIM"
    assert metrics["ssim"]["distribution"] == "imgredux"


def test_quiet_leaves_out_notes_and_keeps_errors(folder: Path) -> None:
    out, err = imgredux_("run", "slidingdct", "in", "-o", "loud")
    assert out.count("JPEG quality 20") == 2
    assert "2 files: 2 done" in err
    assert imgredux_("-q", "run", "slidingdct", "in", "-o", "calm") == ("", "")
    assert {path.name for path in Path("calm").glob("*.png")} == {path.name for path in Path("loud").glob("*.png")}
    Path("in/text.png").write_text("no image")
    out, err = imgredux_("--quiet", "run", "slidingdct", "in", "-o", "calm", code=3)
    assert not out
    assert err.splitlines() == [
        f"imgredux: {Path('in/text.png')}: cannot be read as an image: no format that is read here"
    ]
    out, _ = imgredux_("-q", "run", "slidingdct", "in/a.jpg", "-o", "json.png", "--json")
    assert json.loads(out.splitlines()[-1])["summary"]["done"] == 1


def test_verbose_puts_the_log_on_stderr(folder: Path) -> None:
    out, err = imgredux_("-v", "run", "slidingdct", "in", "-o", "out")
    assert out.count("JPEG quality 20") == 2
    assert "imgredux: INFO: run slidingdct: 2 files, 1 at a time" in err
    assert "JPEG quality" not in err
    assert "DEBUG" not in err
    _, err = imgredux_("-vv", "run", "arcnn", "in/a.jpg", "-o", "a.png")
    assert "imgredux: DEBUG: arcnn" in err
    logger = logging.getLogger("imgredux")
    assert not logger.handlers
    assert logger.level == logging.NOTSET


def completed(words: str) -> list[str]:
    """What bash is offered for the last of the words."""
    environment = {"_IMGREDUX_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "imgredux"],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "there", "absent"),
    [
        ("imgredux run wei", "wei2009", "webp"),
        ("imgredux run au", "auto", "arcnn"),
        ("imgredux encode j", "jndjpeg", "jiang2022"),
        ("imgredux info a", "arcnn", "wei2009"),
        ("imgredux export arcnn.", "arcnn.q10", "arcnn"),
        ("imgredux train ar", "arcnn", "flat"),
        ("imgredux eval al", "all", "arcnn"),
        ("imgredux eval flat --protocol jp", "jpeg-y", "jnd-konjnd"),
    ],
)
def test_shells_complete_names(words: str, there: str, absent: str) -> None:
    found = completed(words)
    assert there in found
    assert absent not in found


def test_completing_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom imgredux.cli.completing import methods, protocols\n"
        "assert methods()('wei') and methods('codec')('j') and methods()('arcnn.') and protocols('j')\n"
        "assert not methods()('no-such.')\n"
        "print(sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"
    out, _ = imgredux_("--help")
    assert "--install-completion" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("encode", "jndjpeg", "in/a.jpg", "-o", "b.jpg", "--set", "distanc=1"),
            "no setting named 'distanc' of jndjpeg. Did you mean distance? It takes: distance, search, subsampling",
        ),
        (("encode", "png", "in", "-o", "coded", "--set", "xyz=1"), "no setting named 'xyz' of png. It takes"),
        (
            ("export", "jndlc", "-o", "graph.onnx", "--set", "qualty=10"),
            "Did you mean quality? It takes: quality",
        ),
        (
            ("export", "flat", "-o", "graph.onnx", "--set", "sigma=10"),
            "no setting named 'sigma' of flat. It takes none",
        ),
        (
            ("train", "arcnn.q10", "--images", "in", "-o", "runs", "--set", "stepz=5"),
            "no setting named 'stepz' of arcnn.q10. Did you mean steps? It takes: options, crop,",
        ),
        (
            ("train", "d2lnet.q10", "--images", "in", "-o", "runs", "--set", "options={widht=5}"),
            "no setting named 'widht' of d2lnet.q10's options. Did you mean width? It takes: ",
        ),
        (
            ("train", "d2lnet.q10", "--images", "in", "-o", "runs", "--set", "width=5"),
            "'width' is no setting of d2lnet.q10, but of its method: options={width=...}",
        ),
    ],
)
def test_a_setting_that_there_is_not_is_wrong_usage(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    _, err = imgredux_(*arguments, code=2)
    assert err.startswith("imgredux: ")
    assert says in err
    assert err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["in"]


def test_from_python_it_is_an_error_of_its_own() -> None:
    from imgredux.batch.encode import Encode

    with pytest.raises(imgredux.UnknownSetting, match="Did you mean quality"):
        Encode("jpeg444", {"qualty": 80}).start()


def test_progress_from_python(folder: Path) -> None:
    from imgredux.batch import engine
    from imgredux.batch.run import Run

    seen: list[tuple[int, int, str]] = []
    Image.new("CMYK", (8, 8)).save("in/print.tif")
    results = list(engine.run(Run("flat"), ["in"], "maps", progress=lambda *step: seen.append(step)))
    assert len(results) == 3
    assert [(done, total) for done, total, _ in seen] == [(1, 3), (2, 3), (3, 3)]
    assert {name for *_, name in seen} == {"a.jpg", "b.jpg", "print.tif"}
    with imgredux.progress() as show:
        assert len(list(engine.run(Run("flat"), ["in"], "others", progress=show))) == 3


def test_one_bar_takes_numbers_and_steps(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from imgredux.evaluate import Step

    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes stderr for a terminal
    with imgredux.progress() as show:
        show(1, 2, "first\nfile")
        show(Step(2, 2, "the last step"))
    err = capsys.readouterr().err
    assert "the last step" in err
    assert "2/2" in err
    monkeypatch.delenv("FORCE_COLOR")
    with imgredux.progress() as show:
        show(1, 2, "nobody sees this")
    assert not capsys.readouterr().err
