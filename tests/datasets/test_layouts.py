"""The data sets with observers, in small copies of their layouts."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from imgredux import ImgreduxError
from imgredux.datasets import PUBLISHED, Dataset, konjnd, mcl_jci, pairs, self_check, shen2020
from imgredux.datasets.mcl_jci import jnd_points
from imgredux.datasets.shen2020 import first_jnd


def save(path: Path, gray: int = 100, size: tuple[int, int] = (16, 9)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (gray, gray, gray)).save(path)
    return path


def mcl(root: Path, number: int, quality: int) -> None:
    stem = f"ImageJND_SRC{number:02d}"
    save(root / "source_images" / "[BMP]" / f"{stem}.bmp")
    save(root / "distorted_image" / stem / f"{stem}_{quality:03d}.jpg", 104)


def test_mcl_jci_takes_the_image_at_the_jnd(tmp_path: Path) -> None:
    mcl(tmp_path, 1, 36)
    mcl(tmp_path, 12, 68)
    mcl(tmp_path, 12, 53)
    mcl(tmp_path, 2, 99)  # not at its JND
    found = mcl_jci(tmp_path)
    assert [item.stem for item in found] == ["ImageJND_SRC01", "ImageJND_SRC12"]
    assert found.items[1].critical == tmp_path / "distorted_image/ImageJND_SRC12/ImageJND_SRC12_068.jpg"
    assert len(found.problems) == 48
    assert "ImageJND_SRC02_047.jpg missing" in found.problems[0]
    second = mcl_jci(tmp_path, 2)
    assert [item.stem for item in second] == ["ImageJND_SRC12"]
    assert any("ImageJND_SRC02: it has 4 JNDs, not 5" in text for text in mcl_jci(tmp_path, 5).problems)


def test_mcl_jci_prefers_stair_functions_that_are_there(tmp_path: Path) -> None:
    mcl(tmp_path, 1, 33)
    mcl(tmp_path, 2, 47)
    (tmp_path / "SQF_data").mkdir()
    (tmp_path / "SQF_data" / "Image_1_l_h.txt").write_text("100 33 20 \r\n1.0 0.7 0.2 \r\n")
    (tmp_path / "SQF_data" / "Image_2_l_h.txt").write_text("damaged")
    found = mcl_jci(tmp_path)
    assert [item.stem for item in found] == ["ImageJND_SRC01", "ImageJND_SRC02"]
    assert "Image_2_l_h.txt is no stair function" in found.problems[0]


def test_published_stairs_of_mcl_jci() -> None:
    points = jnd_points()
    assert len(points) == 50
    first = [image[0] for image in points]
    assert (np.mean(first), np.median(first), min(first), max(first)) == (39.58, 36, 25, 70)
    assert all(image == sorted(image, reverse=True) and 3 <= len(image) <= 7 for image in points)


@pytest.mark.parametrize("level", [0, -1])
def test_mcl_jci_levels_begin_at_1(tmp_path: Path, level: int) -> None:
    mcl(tmp_path, 1, 36)
    with pytest.raises(ImgreduxError, match="the first JND is 1"):
        mcl_jci(tmp_path, level)


def shen(root: Path, session: int, ratings: np.ndarray, names: list[str], coded: list[str]) -> None:
    for name in names:
        save(root / f"session{session}_Ori" / name)
    for name in coded:
        save(root / f"session{session}_Dis" / name, 103)
    savemat(root / f"f_session{session}.mat", {f"f_session{session}": ratings})


def test_shen2020_rows_follow_the_numbers_of_the_sources(tmp_path: Path) -> None:
    ratings = np.repeat([[30], [35], [20]], 20, axis=1).astype(np.uint8)  # of im1, im2, im10
    coded = ["im1_30.png", "im10_30.png", "im2_QP35.png", "im2_34.png", "im10/20.png", "im1_20.png"]
    shen(tmp_path, 1, ratings, ["im1.png", "im2.png", "im10.png"], coded)
    shen(tmp_path, 2, ratings, ["x.png"], ["x_30.png"])
    found = shen2020(tmp_path)
    assert {item.stem: item.critical and item.critical.name for item in found} == {
        "session1_im1": "im1_30.png",
        "session1_im2": "im2_QP35.png",
        "session1_im10": "20.png",
    }
    assert any("session 2: 1 source images, but 3 rows" in text for text in found.problems)
    assert sum("no folder" in text for text in found.problems) == 4


def test_shen2020_missing_levels_and_damaged_tables(tmp_path: Path) -> None:
    shen(tmp_path, 1, np.full((1, 20), 40, np.uint8), ["a.png"], ["a_30.png"])
    shen(tmp_path, 2, np.full((1, 20), 60, np.uint8), ["b.png"], ["b_30.png"])
    shen(tmp_path, 3, np.full((1, 20), 30, np.uint8), ["c.png"], ["c_30.png"])
    (tmp_path / "f_session3.mat").write_bytes(b"damaged")
    text = "\n".join(shen2020(tmp_path).problems)
    assert "session1_a: no images of QP 40" in text
    assert "QPs 13..51" in text
    assert "f_session3.mat cannot be read" in text
    with pytest.raises(ImgreduxError, match="name the folder that holds SHEN2020"):
        shen2020(tmp_path / "session1_Ori")


def test_first_jnd_leaves_outliers_out() -> None:
    assert first_jnd(np.array([[30] * 19 + [50], [20, 40] * 10])).tolist() == [30, 30]


def konjnd_table(root: Path, rows: list[tuple[str, str, float]]) -> None:
    with (root / "subjective_ratings.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["image_id", "Compression type", "No. of ratings", "mean", "std", "ratings"])
        table.writerows([image, codec, 2, mean, 1.0, json.dumps([mean, mean])] for image, codec, mean in rows)


def test_konjnd_levels_grow_with_the_distortion(tmp_path: Path) -> None:
    for stem in ("SRC0001", "SRC0002", "SRC0003", "SRC0004"):
        save(tmp_path / "source_image" / f"{stem}.png")
    save(tmp_path / "jpeg" / "SRC0001_JPEG_048.jpg")
    save(tmp_path / "jpeg" / "SRC0003_JPEG_050.jpg", size=(15, 9))
    save(tmp_path / "bpg" / "SRC0002_BPG_031.png")
    rows = [("SRC0001.png", "JPEG", 47.6), ("SRC0002.png", "BPG", 30.8), ("SRC0003.png", "JPEG", 50.0)]
    konjnd_table(tmp_path, [*rows, ("SRC0005.png", "JPEG", 40.0), ("SRC0001.png", "JPEG", 3.0)])
    found = konjnd(tmp_path)
    assert [(item.stem, item.critical and item.critical.name) for item in found] == [
        ("SRC0001", "SRC0001_JPEG_048.jpg"),
        ("SRC0002", "SRC0002_BPG_031.png"),
    ]
    text = "\n".join(found.problems)
    assert "SRC0004.png: no row" in text
    assert "SRC0003: " in text
    assert "not a pair" in text
    assert "SRC0005.png and " in text
    assert "SRC0001: a second row" in text
    assert [item.stem for item in konjnd(tmp_path, "bpg")] == ["SRC0002"]


def test_konjnd_needs_its_ratings(tmp_path: Path) -> None:
    with pytest.raises(ImgreduxError, match=r"subjective_ratings\.csv: No such file"):
        konjnd(tmp_path)
    (tmp_path / "subjective_ratings.csv").write_text("image,score\n1,2\n")
    with pytest.raises(ImgreduxError, match="no column image_id, Compression type, mean"):
        konjnd(tmp_path)


def test_self_check_is_the_mean_of_the_luma_errors(tmp_path: Path) -> None:
    for stem, color in (("SRC0001", (103, 103, 103)), ("SRC0002", (110, 100, 100))):
        save(tmp_path / "source_image" / f"{stem}.png")
        (tmp_path / "bpg").mkdir(exist_ok=True)
        Image.new("RGB", (16, 9), color).save(tmp_path / "bpg" / f"{stem}_BPG_020.png")
    konjnd_table(tmp_path, [("SRC0001.png", "BPG", 20.2), ("SRC0002.png", "BPG", 19.8)])
    measured, published = self_check(konjnd(tmp_path))
    assert measured == pytest.approx((9 + 2.99**2) / 2, rel=1e-4)  # luma weighs red by 0.299
    assert published == 14.091
    assert (PUBLISHED["mcl-jci"], PUBLISHED["shen2020"]) == (26.836, 16.121)


def test_self_check_needs_a_published_figure_and_a_pair(tmp_path: Path) -> None:
    for part in ("ref", "jnd"):
        save(tmp_path / part / "a.png")
    with pytest.raises(ImgreduxError, match="has no published error"):
        self_check(pairs(tmp_path))
    with pytest.raises(ImgreduxError, match="has no pair: nothing is there"):
        self_check(Dataset("shen2020", (), ("nothing is there",)))
