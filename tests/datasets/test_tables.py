"""The tables of what observers said, as they are published, against figures known of them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from imgredux import ImgreduxError
from imgredux.datasets import tables
from imgredux.testing.shared import shared


@pytest.mark.parametrize(
    ("which", "mean", "low", "high"),
    [("first", 28.1, 16.9, 52.1), ("second", 19.1, 9.7, 36.0), ("third", 13.6, 5.1, 27.5)],
)
def test_mcl_jci_observers(which: str, mean: float, low: float, high: float) -> None:
    # Means, lowest and highest mean of an image: data/jnd/annotations/SOURCE.txt.
    qualities = tables.mcl_jci_observers(shared(f"data/jnd/annotations/mcl_jci/JND_{which}.mat"))
    per_image = qualities.mean(1)
    assert qualities.shape == (50, 30)
    assert [round(float(x), 1) for x in (per_image.mean(), per_image.min(), per_image.max())] == [mean, low, high]


def test_mcl_jci_samples_begin_with_the_first_jnds() -> None:
    folder = shared("data/jnd/annotations/mcl_jci")
    samples = tables.mcl_jci_samples(folder / "MCL-JCI_JND_samples.xlsx")
    first = tables.mcl_jci_observers(folder / "JND_first.mat")
    whole = [i for i, observers in enumerate(samples) if len(observers) == 30]
    assert len(samples) == 50
    assert len(whole) == 46
    assert all([points[0] for points in samples[i]] == first[i].tolist() for i in whole)


@pytest.mark.parametrize(("jnd", "mean"), [("1st", 29.3), ("2nd", 33.3), ("3rd", 36.0)])
def test_videoset(jnd: str, mean: float) -> None:
    table = tables.videoset(shared(f"data/jnd/annotations/videoset/1280x720_{jnd}.csv"))
    assert round(float(table["mean"].mean()), 1) == mean
    assert table["sequence_index"].tolist() == list(range(1, 221))
    for samples, mean_, deviation in zip(table["samples"], table["mean"], table["standard_deviation"], strict=True):
        assert samples.mean() == pytest.approx(mean_, abs=1e-6)
        assert samples.std(ddof=1) == pytest.approx(deviation, abs=1e-6)


def test_jpeg_aic() -> None:
    scores = tables.jpeg_aic(shared("data/jnd/jpeg_aic/JPEG_AIC_reconstructed_jnd_scores.csv"))
    metrics = tables.jpeg_aic(shared("data/jnd/jpeg_aic/JPEG-AIC_metric_scores.csv"))
    assert len(scores["distortion"]) == 5 * 6 * 10
    assert np.all((scores["CI_min"] <= scores["distortion"]) & (scores["distortion"] <= scores["CI_max"]))
    assert set(scores["img_distorted"]) == set(metrics["img_distorted"])
    assert np.corrcoef(metrics["SSIMULACRA2"], metrics["distortion"])[0, 1] < -0.8


def test_mucped23() -> None:
    table = tables.mucped23(shared("data/jnd/mucped23/elo.csv"))
    elo = dict(zip(table["method"].tolist(), table["elo"].tolist(), strict=True))
    assert len(elo) == 31
    assert elo["libjpeg-turbo-q95-yuv444"] > elo["libjpeg-turbo-q55-yuv420"]
    assert np.all((table["p99Low"] < table["elo"]) & (table["elo"] < table["p99Hi"]))


def test_konjnd_ranges() -> None:
    table = tables.konjnd_ranges(shared("data/jnd/konjnd/jnd_ranges.csv"))
    jpeg = table["codec"] == "JPEG"
    assert jpeg.sum() == 7
    assert np.array_equal(table["qf_lo"][jpeg], 101 - table["level_hi"][jpeg])
    assert np.array_equal(table["qf_hi"][jpeg], 101 - table["level_lo"][jpeg])
    assert np.isnan(table["qf_lo"][~jpeg]).all()


def test_columns_are_numbers_or_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('\ufeffname,value,"a, b"\nx,1.5,\ny,,3\n\n')
    table = tables.read_csv(path)
    assert table["name"].tolist() == ["x", "y"]
    assert np.array_equal(table["value"], [1.5, np.nan], equal_nan=True)
    assert np.array_equal(table["a, b"], [np.nan, 3], equal_nan=True)


@pytest.mark.parametrize("text", ["", "a,b\n1\n", "a\n\xff"])
def test_bad_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ImgreduxError, match=r"table\.csv"):
        tables.read_csv(path)


def test_workbooks(tmp_path: Path) -> None:
    book = tmp_path / "book.xlsx"
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    cells = '<row r="1"><c r="A1" t="s"><v>1</v></c><c r="AB1"><v>2.5</v></c></row><row r="2"><c r="B2"/></row>'
    sheet = f'<worksheet xmlns="{name}"><sheetData>{cells}</sheetData></worksheet>'
    with zipfile.ZipFile(book, "w") as file:
        file.writestr("xl/worksheets/sheet1.xml", sheet)
        file.writestr("xl/sharedStrings.xml", f'<sst xmlns="{name}"><si><t>x</t></si><si><r><t>y</t></r></si></sst>')
    assert tables.read_xlsx(book) == [["y", *[None] * 26, 2.5], [None, None]]
    book.write_text("no workbook")
    with pytest.raises(ImgreduxError, match="cannot be read as a workbook"):
        tables.read_xlsx(book)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('<c r="ZZZZZZZ1"><v>1</v></c>', "column ZZZZZZZ"),
        ('<c r="XFE1"><v>1</v></c>', "column XFE"),
        ('<c r="A1" t="s"><v>7</v></c>', "workbook"),
        ('<c r="A1" t="s"><v>x</v></c>', "workbook"),
        ('<c r="A1"><v>x</v></c>', "workbook"),
        ('<c r="-1"><v>1</v></c>', "workbook"),
    ],
)
def test_hostile_workbooks(tmp_path: Path, cell: str, said: str) -> None:
    book = tmp_path / "book.xlsx"
    with zipfile.ZipFile(book, "w") as file:
        file.writestr("xl/worksheets/sheet1.xml", f"<worksheet><sheetData><row>{cell}</row></sheetData></worksheet>")
    with pytest.raises(ImgreduxError, match=said):
        tables.read_xlsx(book)


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    book = tmp_path / "book.xlsx"
    with zipfile.ZipFile(book, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/worksheets/sheet1.xml", " " * 2000)
    with pytest.raises(ImgreduxError, match="more than"):
        tables.read_xlsx(book)


def test_damaged_matlab_file(tmp_path: Path) -> None:
    path = tmp_path / "JND_first.mat"
    path.write_bytes(b"damaged" * 30)
    with pytest.raises(ImgreduxError, match="MATLAB"):
        tables.mcl_jci_observers(path)
