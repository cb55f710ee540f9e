"""Names to methods, and what importing costs."""

import json
import os
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import imgredux
from imgredux import registry
from imgredux.registry import metadata

REPOSITORY = Path(__file__).parents[1]


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    "code",
    [
        "import imgredux",
        "import imgredux; imgredux.list_methods()",
        "import imgredux; imgredux.list_methods('estimator')",
        "import imgredux; imgredux.info('wei2009')",
        "from imgredux.methods import hooks, spec, stream, weights; import imgredux.cli, imgredux.dispatch",
    ],
)
def test_listing_and_importing_load_no_torch(code: str) -> None:
    assert fresh(f"import sys\n{code}\nprint([m for m in ('torch', 'numpy', 'kornia') if m in sys.modules])") == "[]"


def test_asking_for_one_method_imports_no_other_plugin() -> None:
    code = "import sys, imgredux; imgredux.get('flat'); print([m for m in sys.modules if m.startswith('imgredux_w')])"
    assert fresh(code) == "[]"


def test_every_public_name_resolves() -> None:
    for name in imgredux.__all__:
        assert getattr(imgredux, name) is not None
    assert set(imgredux.__all__) <= set(dir(imgredux))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = imgredux.nothing


def test_get_gives_a_frozen_method_in_eval_mode() -> None:
    method = imgredux.get("wei2009", device="cpu")
    assert isinstance(method, imgredux.Estimator)
    assert not method.training
    assert not any(parameter.requires_grad for parameter in method.parameters())
    assert imgredux.create("wei2009", distance_heights=3.0).training


def test_info_says_where_a_method_comes_from() -> None:
    info = imgredux.info("localstd")
    assert info.spec.kind == "estimator"
    assert (info.distribution, info.version) == ("imgredux-baselines", imgredux.__version__)
    assert info.weights == {}


def test_methods_are_listed_by_kind() -> None:
    assert {"flat", "localstd", "wei2009", "wu2013"} <= set(imgredux.list_methods("estimator"))
    assert not {"flat", "wei2009"} & set(imgredux.list_methods("codec"))


def test_an_absent_method_of_ours_is_answered_with_its_install_line(only_registered: None) -> None:
    with pytest.raises(imgredux.UnknownMethod, match="Install it with: pip install imgredux-wei2009"):
        imgredux.get("wei2009")


@pytest.mark.parametrize("family", ["metric", "protocol"])
def test_an_absent_judge_of_ours_too(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"metric": "cvvdp", "protocol": "jnd-visibility"}[family]
    monkeypatch.setattr(registry, "the_one", lambda *_: None)
    monkeypatch.setitem(registry._plugins.known, family, {})
    with pytest.raises(
        imgredux.UnknownName, match=f"no {family} named '{name}'. Install it with: pip install imgredux-cvvdp"
    ):
        getattr(registry, family)(name)


def test_what_is_said_to_be_installable_is_the_folder_of_plugins() -> None:
    script = runpy.run_path(str(REPOSITORY / "tests" / "installable.py"))
    assert json.loads(script["FILE"].read_text("utf-8")) == script["installable"](), "write it anew: make installable"
    assert script["NAMES"].read_text("utf-8") == script["names"](), "write it anew: make installable"


def test_every_distribution_has_the_cores_version_and_stands_in_an_extra() -> None:
    projects = [
        tomllib.loads(file.read_text("utf-8"))["project"] for file in REPOSITORY.glob("plugins/*/pyproject.toml")
    ]
    assert {project["version"] for project in projects} == {imgredux.__version__}
    core = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert core["version"] == imgredux.__version__
    extras = core["optional-dependencies"]
    own = {one for one in extras["all"] if one.startswith("imgredux[")}  # other extras: tests/test_everywhere.py
    assert {*extras["all"], *extras["compressai"]} - own == {project["name"] for project in projects}
    assert extras["compressai"] == ["imgredux-compressai"]  # alone: it pins NumPy below 2
    assert f"version: {imgredux.__version__}\n" in (REPOSITORY / "CITATION.cff").read_text("utf-8")


def test_what_is_installed_while_a_process_runs_appears(install: Callable[..., Path], tmp_path: Path) -> None:
    declaration = (
        "from imgredux import Spec, hookimpl\n@hookimpl\ndef imgredux_methods():\n"
        "    return [Spec(name='late', kind='estimator', target='late:X', title='', paper='', license='MIT')]\n"
    )
    code = (
        "import sys, time, imgredux\n"
        "print('late' in imgredux.list_methods(), flush=True)\nsys.stdin.readline()\n"
        "print('late' in imgredux.list_methods(), imgredux.info('late').distribution, flush=True)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "False"
        install(tmp_path, "imgredux-late", {"late": "late"}, {"late/__init__.py": declaration})
        assert process.communicate("\n")[0].strip() == "True imgredux-late"


def test_metadata_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    imgredux.list_methods()
    monkeypatch.setattr(metadata, "_SETTLED", -1e9)
    reads = []
    monkeypatch.setattr(metadata, "_read", lambda: reads.append(1) or {"method": {}, "metric": {}, "protocol": {}})
    imgredux.list_methods()
    imgredux.info("flat")
    assert not reads
    monkeypatch.setattr(metadata, "_held", None)
    assert imgredux.list_methods() == sorted(registry._plugins.known["method"])
    assert len(reads) == 1
    monkeypatch.setattr(metadata, "_held", None)


RESTORERS = (
    *("arcnn", "d2lnet", "dcsc", "dncnn", "fbcnn", "flatzone", "mwcnn", "qgac", "rdn", "rnan"),
    *("slidingdct", "spandrel", "unjpeg"),
)


def test_a_call_by_kind_imports_no_declaration_of_another() -> None:
    code = (
        "import sys, imgredux; imgredux.list_methods('restorer'); "
        "print(sorted(m for m in sys.modules if m.startswith('imgredux_')))"
    )
    assert fresh(code) == str(sorted(f"imgredux_{name}" for name in RESTORERS))


def test_every_documented_module_is_there_after_the_import() -> None:
    code = "import imgredux; print(imgredux.maps.read_map.__name__, imgredux.io.images.read.__name__, dir(imgredux))"
    assert fresh(code).startswith("read_map read [")
    assert "'training'" in fresh(code)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = imgredux.nothing  # pyright: ignore[reportAttributeAccessIssue]


def test_names_of_metrics_and_protocols_are_answered_as_those_of_methods() -> None:
    assert registry.metric("lpips").higher_is_better is False
    assert registry.metric("ssimulacra2")[1:] == (True, "SSIMULACRA2", 2)
    with pytest.raises(imgredux.UnknownName, match=r"no metric named 'ssimulacra'. Did you mean ssimulacra2\?"):
        registry.metric("ssimulacra")
    with pytest.raises(imgredux.UnknownName, match=r"no protocol named 'jpeg'. Did you mean jpeg-y\?"):
        registry.protocol("jpeg")


def test_a_metric_and_a_protocol_can_be_registered_for_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for family in ("metric", "protocol"):
        monkeypatch.setitem(registry._plugins.known, family, {})
    imgredux.register(imgredux.MetricSpec(name="half", target=f"{__name__}:half", label="Half"))
    assert registry.metric("half").function(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)).tolist() == [0.5, 0.5]
    assert "half" in registry.list_metrics()
    with pytest.raises(ValueError, match="a metric named 'psnr' exists already"):
        imgredux.register(imgredux.MetricSpec(name="psnr", target="a:b", label="mine"))
    with pytest.raises(ValueError, match="counts 'x' is none of its metrics and columns"):
        imgredux.ProtocolSpec(name="p", target="a:b", kind="codec", title="", counts="x")


def half(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    return (image - reference).abs().mean((1, 2, 3)) / 2


def test_a_method_can_be_registered_for_the_session() -> None:
    spec = imgredux.Spec(
        name="constant",
        kind="estimator",
        target=f"{__name__}:Constant",
        title="three grey levels",
        paper="none",
        license="Apache-2.0",
        context=0,
    )
    imgredux.register(spec)
    imgredux.register(spec)  # the same again is no conflict: a notebook cell run twice
    assert imgredux.get("constant")(torch.zeros(1, 4, 6)).mul(255).unique().tolist() == [3]
    assert imgredux.info("constant").distribution is None
    assert "constant" in imgredux.list_methods("estimator")


class Constant(imgredux.Estimator):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full_like(x[:, :1], 3 / 255)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Wei 2009"),
        ("name", "auto"),
        ("kind", "filter"),
        ("target", "package.module"),
        ("channels", (2,)),
        ("channels", ()),
        ("multiple_of", 0),
        ("context", -1),
        ("knob", ("quality", (1, 2))),
        ("gains", {"y": {0: 1.0}}),
        ("gains", {"luma": {10: 1.0}}),
        ("gains", {"y": [1.0]}),
    ],
)
def test_a_declaration_of_the_wrong_form_is_refused(field: str, value: object) -> None:
    good = vars(imgredux.info("flat").spec)
    with pytest.raises(
        ValueError, match=str(value) if field in ("name", "kind", "target") else "at least|must be|gains are dB|knob"
    ):
        imgredux.Spec(**{**good, field: value})
