"""Reports: every number is there, printed figures keep to themselves, the page loads nothing."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

import imgredux
from imgredux import registry
from imgredux.cli.report import report as command
from imgredux.errors import ImgreduxError
from imgredux.evaluate.published import publications
from imgredux.report import pictures, report
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
    printed = page.inside(r"details\.printed")
    assert {"DDJND", "0.9283", "0.2212", "FBCNN", "30.12"} <= set(printed)
    assert any("Caution" in text for text in printed)
    outside = {text for place, text in page.texts if "details.printed" not in place}
    figures = {
        figure for one in publications() for table in one.tables for row in table.rows.values() for figure in row
    }
    assert not figures & outside
    assert not {"DDJND", "FBCNN", "D2LNet"} & outside


def test_ours_stands_beside_what_is_printed_for_the_same_pictures(made: Path, page: Page) -> None:
    assert page.inside(r"details\.printed.* td\.ours") == ["27.82", "0.760", "25.21"] * 2  # two papers print JPEG's row
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
    assert len(loads) > 2
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


def test_a_part_of_an_image_has_what_inject_gives() -> None:
    pixels = sample_image(300, 420)
    (shown,) = pictures([pixels], jnd_rows("localstd", "flat"), 100, seed=3)
    assert [one["method"] for one in shown["maps"]] == ["localstd", "flat"]
    left, top, width, height = shown["window"]
    assert (left % 8, top % 8) == (0, 0)
    assert (width, height) == (shown["width"], shown["height"])
    for one in shown["maps"]:
        expected = imgredux.inject(pixels, imgredux.get(one["method"])(pixels), 100, seed=3)
        assert one["unit"] == expected.phi


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (200, 300), (256, 256)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_size_are_shown(size: tuple[int, int], channels: int) -> None:
    (shown,) = pictures([sample_image(*size, channels)], jnd_rows("flat"), 16, seed=0)
    assert shown["problems"] == []
    assert (shown["width"], shown["height"]) == (min(size[1], 384), min(size[0], 288))


def test_a_method_that_fails_on_an_image_is_listed() -> None:
    (shown,) = pictures([sample_image()], jnd_rows("flat", "sharp"), 16, seed=0)
    assert [one["method"] for one in shown["maps"]] == ["flat"]
    assert "sharp" in shown["problems"][0]


def test_what_the_rows_say_of_an_image_stands_under_its_map(tmp_path: Path) -> None:
    pixels = sample_image(120, 160)
    Image.fromarray(pixels).save(tmp_path / "drawn.png")
    phi = imgredux.inject(pixels, imgredux.get("flat")(pixels), 100).phi
    mine = row("flat", "drawn", 100, {"ssimulacra2": 55.5, "phi": phi})
    (shown,) = pictures([tmp_path / "drawn.png"], [mine], 100, seed=0)
    assert "55.50" in shown["maps"][0]["facts"]
    other = row("flat", "drawn", 100, {"ssimulacra2": 55.5, "phi": 2 * phi})
    assert "55.50" not in pictures([tmp_path / "drawn.png"], [other], 100, seed=0)[0]["maps"][0]["facts"]


def test_restorers_and_codecs_of_the_rows_are_shown() -> None:
    rows = [
        row("slidingdct", "a", 20, {"psnr": 30.0}, protocol="jpeg-rgb"),
        row("jpeg", "a", 40, {"psnr": 30.0}, protocol="jpeg-rgb"),
        row("jpeg420", "a", 1, {"psnr": 30.0, "bpp": 1.0}, protocol="rd"),
    ]
    (shown,) = pictures([sample_image(64, 80)], rows, 100, seed=0)
    assert [one["quality"] for one in shown["jpegs"]] == [20, 40]
    assert [one["method"] for one in shown["jpegs"][0]["restored"]] == ["slidingdct"]
    assert [one["method"] for one in shown["codecs"]] == ["jpeg420"]


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
