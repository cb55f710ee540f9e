"""Reports: every number is there, printed figures keep to themselves, the page loads nothing and runs in a browser."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import imgredux
from imgredux import registry
from imgredux.cli.report import report as command
from imgredux.errors import ImgreduxError
from imgredux.evaluate.published import publications
from imgredux.report import report, sheets
from imgredux.report.overall import standings
from imgredux.testing.inputs import sample_image

pytest.importorskip("jinja2", reason="the page needs jinja2, of the extra eval")

SPEC = registry.protocol("jnd-equal-mse")
VOID = {"meta", "link", "img", "input", "br", "path", "circle"}
# Of two images each: SSIMULACRA2, SSIM, LPIPS, concentration.
SCORES = {
    "sharp": [(80.0, 0.95, 0.03, 0.20), (84.0, 0.97, 0.05, 0.24)],
    "flat": [(60.0, 0.90, 0.08, 0.50), (66.0, 0.92, 0.10, 0.50)],
    "localstd": [(79.0, 0.97, 0.03, 0.08), (81.0, 0.99, 0.02, 0.10)],
    "localstd15": [(78.0, 0.98, 0.024, 0.07), (80.0, 0.992, 0.018, 0.08)],
    "concentrated": [(70.0, 0.99, 0.01, 0.01), (72.0, 0.995, 0.015, 0.01)],
}


def row(method: str, image: str, level: float, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "protocol": "jnd-equal-mse", "method": method, "weights": "", "dataset": "kodak", "image": image,
        "level": level, "seed": 0, "values": values, "seconds": 0.25, "version": "0.1.0", "commit": "abc1234",
        "date": "2026-11-21", **more,
    }  # fmt: skip


def jnd_rows(*methods: str) -> list[dict[str, Any]]:
    names = ("ssimulacra2", "ssim", "lpips", "concentration")
    return [
        row(method, f"image{i}", level, {**dict(zip(names, scores, strict=True)), "phi": 2.5, "mse": level})
        for level in (16.121, 100)
        for method in methods or SCORES
        for i, scores in enumerate(SCORES[method])
    ]


def jpeg_rows() -> list[dict[str, Any]]:
    """Two images whose means are what is printed for Classic5 at QF 10, and digits beyond."""
    return [
        row("jpeg", f"{i}", 10, values, protocol="jpeg-y", dataset="classic5")
        for i, values in enumerate(
            [{"psnr": 26.821, "ssim": 0.7501, "psnr_b": 24.209}, {"psnr": 28.821, "ssim": 0.7689, "psnr_b": 26.209}]
        )
    ]


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "results.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


class Page(HTMLParser):
    """Texts of a page with the tags they stand in, and the attributes of every tag. Tags must close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[tuple[str, str]] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append((tag, ".".join([tag, *(dict(attrs).get("class") or "").split()])))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((" ".join(place for _, place in self.open), data.strip()))

    def inside(self, where: str) -> list[str]:
        """The texts whose place, as `table.figures.sortable tbody tr td.first`, matches."""
        return [text for place, text in self.texts if re.search(where, place)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of all rows, with one image."""
    folder = tmp_path_factory.mktemp("report")
    Image.fromarray(sample_image(300, 340)).save(folder / "drawn.png")
    report(write(folder, jnd_rows() + jpeg_rows()), folder / "out", images=[folder / "drawn.png"])
    return folder / "out"


@pytest.fixture(scope="module")
def page(made: Path) -> Page:
    return Page((made / "index.html").read_text("utf-8"))


def test_means_and_standard_errors_are_in_the_page_and_the_table(made: Path, page: Page) -> None:
    cells, table = page.inside(r"table\.figures"), (made / "table.md").read_text("utf-8")
    # 80 and 84: mean 82, standard error 2.83 / sqrt(2) = 2; the others likewise.
    for mean, error in (("82.00", "±2.00"), ("63.00", "±3.00"), ("0.9600", "±0.0100"), ("22.0 %", "±2.0")):
        assert mean in cells
        assert error in cells
        assert re.search(rf"{mean}\**  ?{error} ", table)
    assert {"abc1234", "2026-11-21", "0.25", "27.821"} <= set(cells)


def test_differences_to_localstd_are_paired(page: Page) -> None:
    # sharp - localstd: 1 and 3. Unpaired, the error would be larger.
    assert "Δ +2.00 ±1.00" in page.inside(r"small\.gain")


def test_the_best_of_each_column_is_marked(made: Path, page: Page) -> None:
    # At each of two levels: SSIMULACRA2 of sharp, SSIM and LPIPS of concentrated. jpeg-y has one method.
    assert sorted(page.inside(r"td\S*\.best span\.mean")) == sorted(["82.00", "0.9925", "0.0125"] * 2)
    assert set(re.findall(r"\*\*(.*?)\*\*", (made / "table.md").read_text("utf-8"))) == {"82.00", "0.9925", "0.0125"}


def test_a_map_that_packs_its_noise_is_marked(page: Page) -> None:
    assert page.inside(r"table\.figures.* b\.remark") == ["†"] * 2  # concentrated, at two levels


def test_noise_that_misses_its_target_is_marked(tmp_path: Path) -> None:
    rows = jnd_rows()
    for one in rows:
        if one["method"] == "flat" and one["level"] == 16.121:
            one["values"]["mse"] = 16.0  # a flat map moves every pixel by 4 levels: 0.75 % off
    report(write(tmp_path, rows), tmp_path / "out")
    page = Page((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert page.inside(r"td\S*\.counts span\.mean b\.remark") == ["‡"]
    assert page.inside(r"details .*b\.remark") == ["‡"]


def test_a_protocol_without_levels_has_its_table(tmp_path: Path) -> None:
    more: dict[str, Any] = {"protocol": "jnd-konjnd", "level": None}
    insides = {"rule": (True, True, True, False), "localstd": (True, False, False, False)}
    rows = [
        {**row(method, f"image{i}", 0, {"inside": inside, "quality": 30 + i, "low": 28, "high": 36}), **more}
        for method, all_of in insides.items()
        for i, inside in enumerate(all_of)
    ]
    report(write(tmp_path, rows), tmp_path / "out")
    page = Page((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert {"75.0 %", "±25.0", "Δ +50.0 % ±28.9", "25.0 %", "31.5"} <= set(page.inside(r"table\.figures"))
    assert not page.inside(r"section\S* figure")  # nothing to plot
    assert not any("same mean squared error" in text for _, text in page.texts)


def test_printed_figures_stand_apart(page: Page) -> None:
    printed = page.inside(r"aside\.printed")
    assert {"DDJND", "0.9283", "0.2212", "FBCNN", "30.12"} <= set(printed)
    assert any("Caution" in text for text in printed)
    outside = {text for place, text in page.texts if "aside.printed" not in place}
    figures = {
        figure for one in publications() for table in one.tables for row in table.rows.values() for figure in row
    }
    assert not figures & outside
    assert not {"DDJND", "FBCNN", "D2LNet"} & outside


def test_ours_stands_beside_what_is_printed_for_the_same_pictures(made: Path, page: Page) -> None:
    assert page.inside(r"aside\.printed.* td\.ours") == ["27.82", "0.760", "25.21"] * 2  # two papers print JPEG's row
    assert "| greyscale table | 10 | JPEG | 27.82 | 27.82 | 0.760 | 0.760 | 25.21 | 25.21 |" in (
        made / "table.md"
    ).read_text("utf-8")


def test_papers_that_print_the_same_rows_agree() -> None:
    by_key = {one.key: one for one in publications()}
    rows: list[dict[tuple[str, str, float], tuple[str, ...]]] = [
        {(table.protocol, table.dataset, table.level): table.rows["JPEG"] for table in by_key[key].tables}
        for key in ("fbcnn2021", "d2lnet2023")
    ]
    shared = rows[0].keys() & rows[1].keys()
    assert len(shared) == 15  # Classic5, LIVE1 and BSDS500 grey, LIVE1 and BSDS500 colour, QF 10, 20, 30
    assert all(rows[0][one] == rows[1][one] for one in shared)


def test_the_page_loads_nothing(made: Path, page: Page) -> None:
    text = (made / "index.html").read_text("utf-8")
    assert not re.search(r"https?:|@import|url\(", text)
    loads = {value for _, name, value in page.attributes if name in ("src", "href", "srcset", "data", "action")}
    assert len(loads) > 20
    assert all(value.startswith(("data:", "#")) for value in loads)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value[1:] for value in loads if value.startswith("#")} <= set(ids)


def test_missing_baselines_and_images_are_said(tmp_path: Path) -> None:
    rows = jnd_rows("sharp", "localstd")[:-1]
    report(write(tmp_path, rows), tmp_path / "out")
    warnings = Page((tmp_path / "out" / "index.html").read_text("utf-8")).inside(r"p\.warning")
    assert any("flat, localstd15, concentrated" in text for text in warnings)
    assert any("sharp 2, localstd 1" in text for text in warnings)
    assert "flat, localstd15, concentrated" in (tmp_path / "out" / "table.md").read_text("utf-8")


def test_complete_rows_give_no_warning(page: Page) -> None:
    assert not page.inside(r"section\.protocol p\.warning")


def test_chosen_methods_come_with_the_baselines(tmp_path: Path) -> None:
    path = write(tmp_path, [*jnd_rows(), row("other", "image0", 100, {"ssimulacra2": 11.25})])
    report(path, tmp_path / "out", methods=["sharp"])
    names = Page((tmp_path / "out" / "index.html").read_text("utf-8")).inside(r"table\.figures.*tbody tr\S* th$")
    assert set(names) == set(SCORES)
    with pytest.raises(ImgreduxError, match=r"no row of nobody.*It has: sharp, flat"):
        report(path, tmp_path / "out", methods=["nobody"])


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    rows = [{**one, "dataset": "<script>a|b</script>"} for one in jnd_rows()]
    report(write(tmp_path, rows), tmp_path / "out")
    text = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "<script>a" not in text
    assert r"&lt;script>a\|b" in (tmp_path / "out" / "table.md").read_text("utf-8")


def test_without_rows_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match="holds no row"):
        report(write(tmp_path, []), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_jinja2_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImgreduxError, match=r"pip install 'imgredux\[eval\]'"):
        report(write(tmp_path, jnd_rows()), tmp_path / "out")


def decoded(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))


def test_crops_hold_the_very_noise() -> None:
    pixels = sample_image(300, 340)
    sheet = sheets(pixels, ["localstd", "flat"], 100, seed=3)
    assert [view.key for view in sheet.views] == ["busiest", "calmest", "whole"]
    for shown in sheet.methods:
        expected = imgredux.inject(pixels, imgredux.get(shown.method)(pixels), 100, seed=3)
        assert shown.mse == expected.mse
        for view in sheet.views[:2]:
            left, top = map(int, re.findall(r"at (\d+), (\d+)", view.label)[0])
            window = np.s_[top : top + 256, left : left + 256]
            np.testing.assert_array_equal(decoded(view.original), pixels[window])
            np.testing.assert_array_equal(decoded(shown.injected[view.key]), expected.image[window])
            change = np.abs(expected.image.astype(int) - pixels)[window] * sheet.gain
            np.testing.assert_array_equal(
                decoded(shown.differences[view.key]), change.clip(max=255 // sheet.gain * sheet.gain)
            )


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (200, 300), (256, 256)])
@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_size_have_a_sheet(size: tuple[int, int], channels: int) -> None:
    sheet = sheets(sample_image(*size, channels), ["flat"], 16)
    assert sheet.methods[0].reached
    assert sheet.views[0].exact


def test_a_method_that_fails_on_a_picture_is_listed() -> None:
    sheet = sheets(sample_image(), ["flat", "no-such-method"], 16)
    assert [one.method for one in sheet.methods] == ["flat"]
    assert "no-such-method" in sheet.problems[0]


def test_the_command_writes_both_files(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    out = tmp_path / "out"
    done = CliRunner().invoke(app, [str(write(tmp_path, jnd_rows())), "-o", str(out), "--method", "sharp"])
    assert (done.exit_code, done.stdout.strip()) == (0, str(out / "index.html"))
    assert {path.name for path in out.iterdir()} == {"index.html", "table.md"}
    missing = CliRunner().invoke(app, [str(tmp_path / "none.jsonl"), "-o", str(out)])
    assert missing.exit_code == 2
    assert "none.jsonl: there is no such file" in missing.stderr


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PROBE = """
const seen = {}, one = selector => document.querySelector(selector);
const order = () => [...one("table.figures").tBodies[0].rows].map(row => row.dataset.method);
const shown = () => all(".slider .over").filter(image => image.checkVisibility()).map(image => image.dataset.method);
addEventListener("load", () => {
  seen.before = order();
  one("table.figures thead tr:nth-child(2) th:nth-child(3) button").click();
  seen.lpips = order();
  seen.first = shown();
  one('input[value="concentrated"]').click();
  seen.second = shown();
  const range = one(".slider input");
  range.value = 20;
  range.dispatchEvent(new Event("input"));
  seen.cut = getComputedStyle(one(".slider .over:not([hidden])")).clipPath;
  seen.contact = all(".contact img").length;
  const images = all("img:not(.contact img)");
  seen.images = images.length;
  seen.broken = images.filter(image => !(image.complete && image.naturalWidth)).length;
  const theme = getComputedStyle(document.body).backgroundColor;
  one("#theme").click();
  seen.theme = theme !== getComputedStyle(document.body).backgroundColor;
  document.body.replaceChildren(Object.assign(document.createElement("pre"), { textContent: JSON.stringify(seen) }));
});
"""


def browse(page: Path, profile: Path) -> tuple[str, list[str]]:
    """The page after its scripts ran, and every line of its console."""
    assert BROWSER is not None
    quiet = ("background-networking", "component-update", "gpu", "quic", "sync")
    options = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{what}" for what in quiet)]
    options += ["--enable-logging=stderr", "--v=0", "--dump-dom", "--virtual-time-budget=8000"]
    options += [f"--user-data-dir={profile}", page.as_uri()]
    done = subprocess.run([BROWSER, *options], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


@pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")
def test_the_page_runs_in_a_browser_without_a_word_on_the_console(made: Path, tmp_path: Path) -> None:
    text = (made / "index.html").read_text("utf-8")
    probed = tmp_path / "probed.html"
    probed.write_text(text.replace("</body>", f"<script>{PROBE}</script></body>"), "utf-8")
    dumped, console = browse(probed, tmp_path / "profile")
    assert console == []
    seen = json.loads(re.findall(r"<pre>(.*?)</pre>", dumped)[0])
    assert seen["before"] == ["sharp", "localstd", "localstd15", "concentrated", "flat"]  # by SSIMULACRA2
    assert seen["lpips"] == ["concentrated", "localstd15", "localstd", "sharp", "flat"]
    assert seen["first"] == ["flat"]
    assert seen["second"] == ["concentrated"]
    assert "20%" in seen["cut"]
    assert seen["contact"] == 5  # the original and four methods
    assert seen["theme"]
    assert seen["broken"] == 0
    assert seen["images"] == 39  # three parts: the original, and image, map and difference of four methods


@pytest.mark.skipif(BROWSER is None, reason="no chromium on the PATH")
def test_the_console_would_be_heard(tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<!DOCTYPE html><script>nothing.at.all;</script><p>after")
    _, console = browse(bad, tmp_path / "profile")
    assert any("nothing is not defined" in line for line in console)


def standing_rows() -> list[dict[str, Any]]:
    """Two data sets of two images at two levels: `near` is 1, 1, 1 and 3 behind `first`; `tight` packs its noise."""
    rows = []
    for dataset, images in (("kodak", (80.0, 84.0)), ("screens", (60.0, 66.0))):
        for image, best in enumerate(images):
            behind = {"first": 0.0, "near": 3.0 if best == 66 else 1.0, "localstd": 5.0, "tight": -4.0}
            for name, less in behind.items():
                share = 0.2 if name != "tight" or dataset == "kodak" else 0.1
                values = {"ssimulacra2": best - less, "concentration": share, "peak": 5.0 if name == "near" else 3.0}
                for level, shift in ((16.121, 10.0), (100.0, -10.0)):
                    shifted = {**values, "ssimulacra2": values["ssimulacra2"] + shift}
                    rows.append(row(name, f"{image}", level, shifted, dataset=dataset))
    return rows


def test_all_data_sets_together_say_how_far_each_is_behind_the_first_that_is_not_packed() -> None:
    found = {one.method: one for one in standings(SPEC, standing_rows())}
    assert list(found) == ["tight", "first", "near", "localstd"]
    assert found["first"].score.mean == pytest.approx(72.5)
    assert (found["near"].behind.mean, found["near"].behind.error) == pytest.approx((1.5, 0.5))
    assert found["near"].margin == "1.50 ±0.50, 3.0 se"
    assert found["first"].margin == "-"
    assert [one.packed for one in found.values()] == [True, False, False, False]
    assert (found["tight"].guards[0], found["near"].guards[1]) == pytest.approx((0.5, 5.0))


def test_all_data_sets_together_are_in_both_files_and_only_where_there_are_several(tmp_path: Path, page: Page) -> None:
    assert not page.inside(r"table\.overall")
    assert standings(SPEC, jnd_rows("sharp", "localstd")) == []
    report(write(tmp_path, standing_rows()), tmp_path / "out")
    text = (tmp_path / "out" / "table.md").read_text("utf-8")
    assert "| near | 71.00 ±" in text
    assert "| 1.50 ±0.50, 3.0 se | 1.00 | 5.0 | 4 |" in text
    assert "tight †" in text
    made = Page((tmp_path / "out" / "index.html").read_text("utf-8"))
    assert "1.50 ±0.50, 3.0 se" in made.inside(r"table\.overall.* td")
