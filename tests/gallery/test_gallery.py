"""The gallery's folder, and what is read back from people's sessions."""

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data
from typer.testing import CliRunner

import imgredux
from imgredux.cli import app
from imgredux.datasets.observer import sessions
from imgredux.errors import ImgreduxError
from imgredux.gallery import gallery
from imgredux.protocols import load

SESSION = {
    "format": "imgredux-observer",
    "version": 1,
    "method": "localstd",
    "photo": "cat",
    "crop": [16, 8, 64, 64],
    "viewing": {"ppd": 40.0},
    "result": {"threshold": 2.0, "low": 1.5, "high": 2.6, "catch_missed": 0},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chosen = {"estimators": ["flat"], "restorers": ["slidingdct"], "codecs": ["jpeg420"]}
    gallery([data.chelsea()[:112, :128]], tmp_path / "see", names=["cat"], **chosen)
    return tmp_path / "see"


def shown(folder: Path, name: str = "cat") -> dict:
    text = (folder / "data" / f"{name}.js").read_text()
    return json.loads(text.removeprefix("GALLERY.photo(").removesuffix(");\n"))


def test_the_folder_is_all_that_the_page_needs(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    assert "http:" not in page
    assert "https:" not in page
    photo = shown(folder)
    assert (photo["width"], photo["height"]) == (128, 112)
    assert [one["method"] for one in photo["maps"]] == ["flat"]
    assert [one["quality"] for one in photo["jpegs"]] == [10, 30]
    assert photo["jpegs"][0]["restored"][0]["psnr"] > photo["jpegs"][0]["psnr"]
    sizes = [one["bytes"] for one in photo["codecs"][0]["files"]]
    assert sizes == sorted(sizes)
    assert len(sizes) == 6
    assert photo["problems"] == []


def test_a_folder_that_is_not_empty_is_left_alone(folder: Path) -> None:
    with pytest.raises(ImgreduxError, match="is not empty"):
        gallery([data.camera()], folder)


def test_a_large_photograph_is_shown_smaller(tmp_path: Path) -> None:
    gallery(
        [data.astronaut()[:, :400].repeat(2, 0)], tmp_path, names=["tall"], estimators=["flat"], restorers=[], codecs=[]
    )
    assert shown(tmp_path, "tall")["height"] == 768
    with Image.open(tmp_path / "images" / "tall.png") as file:
        assert file.size == (300, 768)


def test_the_command(tmp_path: Path) -> None:
    Image.fromarray(data.camera()[:96, :96]).save(tmp_path / "photo.png")
    arguments = ["gallery", str(tmp_path / "photo.png"), "-o", str(tmp_path / "see"), "--method", "flat"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "see" / "index.html").exists()
    assert CliRunner().invoke(app, [*arguments, "--qualities", "x"]).exit_code == 2
    assert CliRunner().invoke(app, arguments).exit_code == 3


def session(folder: Path, name: str = "one", **changes: object) -> None:
    told = {**SESSION, "sha256": shown(folder)["sha256"], **changes}
    (folder / f"{name}.json").write_text(json.dumps(told))


def test_a_session_is_read_beside_its_photograph(folder: Path) -> None:
    session(folder)
    session(folder, "inattentive", result={**SESSION["result"], "catch_missed": 2})
    session(folder, "elsewhere", sha256="0" * 64)
    (folder / "other.json").write_text("[]")
    found = sessions(folder)
    assert [(one.stem, one.threshold) for one in found] == [("one", 2.0)]
    assert [text.split(":")[0] for text in found.problems] == ["elsewhere.json", "inattentive.json", "other.json"]
    with pytest.raises(ImgreduxError, match="no session"):
        sessions(folder / "images")


def test_the_protocol_says_how_far_a_map_is_from_people(folder: Path) -> None:
    session(folder)
    (item,) = sessions(folder)
    values = load("jnd-observer").begin(imgredux.get("localstd"), item)(None, 0).values
    assert values["octaves"] == pytest.approx(1.0, abs=1e-6)  # the own map: twice its threshold
    assert not values["inside"]
    other = load("jnd-observer").begin(imgredux.get("flat"), item)(None, 0).values
    assert other["octaves"] > 1  # noise that is many times the one level that flat allows


def test_eval_reads_sessions(folder: Path, tmp_path: Path) -> None:
    session(folder)
    out = tmp_path / "results.jsonl"
    arguments = ["eval", "localstd", "--protocol", "jnd-observer", "--data", str(folder), "-o", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    (row,) = map(json.loads, out.read_text().splitlines())
    assert row["values"]["off"] == pytest.approx(1.0, abs=1e-6)


def test_names_that_make_one_file_are_refused_and_index_is_a_name(tmp_path: Path) -> None:
    chosen = {"estimators": ["flat"], "restorers": [], "codecs": []}
    small = data.camera()[:64, :64]
    with pytest.raises(ImgreduxError, match="one name"):
        gallery([small, small], tmp_path / "two", names=["a b", "a-b"], **chosen)
    gallery([small], tmp_path / "see", names=["index"], **chosen)
    assert shown(tmp_path / "see", "index")["name"] == "index"
    assert "GALLERY.start" in (tmp_path / "see" / "photographs.js").read_text()


def test_a_session_with_numbers_beyond_bounds_is_a_problem(folder: Path) -> None:
    session(folder)
    text = (folder / "one.json").read_text().replace('"crop": [16,', '"crop": [1e999,')
    (folder / "one.json").write_text(text)
    assert len(sessions(folder).problems) == 1
