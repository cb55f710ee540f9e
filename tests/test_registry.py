"""Names to methods, and what importing costs."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch

import imgredux

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


def test_what_is_said_to_be_installable_is_the_folder_of_plugins() -> None:
    names, distributions = {}, set()
    for file in REPOSITORY.glob("plugins/*/pyproject.toml"):
        project = tomllib.loads(file.read_text("utf-8"))["project"]
        for entries in project["entry-points"].values():
            names.update(dict.fromkeys(entries, project["name"]))
        distributions.add(project["name"])
        assert project["version"] == imgredux.__version__
    file = REPOSITORY / "imgredux" / "installable.json"
    assert json.loads(file.read_text("utf-8")) == names, "write it anew: make installable"
    core = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert set(core["optional-dependencies"]["all"]) == distributions


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
