"""What observers said, as plain arrays: the tables of MCL-JCI, VideoSet, JPEG AIC, KonJND-1k and MUCPED23.

Columns of a table come as `{name: array}`: float64 where every cell is a number or empty (NaN), else strings.
"""

import csv
import json
import re
import zipfile
from os import PathLike
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from imgredux.errors import ImgreduxError
from imgredux.io.archives import read_matlab

Table = dict[str, np.ndarray]
COLUMNS = 16_384  # of a sheet, as its format has it
MOST_BYTES = 2**26  # of a sheet, unpacked
_SHEET, _STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"


def read_csv(path: str | PathLike) -> Table:
    """The columns of a CSV file with a header. Raises ImgreduxError for an unreadable file or rows of other lengths."""
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ImgreduxError(f"{path} cannot be read as a table: {error}") from error
    if any(len(row) != len(header) for row in rows):
        number = next(i for i, row in enumerate(rows, 2) if len(row) != len(header))
        raise ImgreduxError(f"{path}: row {number} has {len(rows[number - 2])} cells, the header {len(header)}")
    return {name: _column([row[i].strip() for row in rows]) for i, name in enumerate(header)}


def read_xlsx(path: str | PathLike) -> list[list[str | float | None]]:
    """The cells of a workbook's first sheet, row by row; None where empty.

    Raises ImgreduxError for other files, and for one that unpacks to more than a table of observers can hold.
    """
    try:
        with zipfile.ZipFile(path) as book:
            sizes = {one.filename: one.file_size for one in book.infolist()}
            if max(sizes.get(name, 0) for name in (_STRINGS, _SHEET)) > MOST_BYTES:
                raise ImgreduxError(f"{path}: a sheet of more than {MOST_BYTES >> 20} MiB is not read")
            texts = book.read(_STRINGS) if _STRINGS in sizes else b"<sst/>"
            sheet = ElementTree.fromstring(book.read(_SHEET))
            shared = ["".join(t.text or "" for t in si.iterfind(".//{*}t")) for si in ElementTree.fromstring(texts)]
        return _cells(sheet, shared)
    except ImgreduxError:
        raise
    except Exception as error:  # of a damaged file the readers raise whatever its bytes lead them to
        raise ImgreduxError(f"{path} cannot be read as a workbook: {error}") from error


def _cells(sheet: ElementTree.Element, shared: list[str]) -> list[list[str | float | None]]:
    rows = []
    for row in sheet.iterfind(".//{*}sheetData/{*}row"):
        cells: list[str | float | None] = []
        for cell in row.iterfind("{*}c"):
            letters = re.sub(r"\d", "", cell.get("r", ""))
            column = sum((ord(c) - 64) * 26**i for i, c in enumerate(reversed(letters[:8]))) or len(cells) + 1
            if not 0 < column <= COLUMNS:
                raise ValueError(f"a cell in column {letters[:8]}, and a sheet has {COLUMNS}")
            cells += [None] * (column - len(cells))
            value = cell.findtext("{*}v")
            if value is not None:
                text = {"s": lambda v: shared[int(v)], "str": str, "e": str}.get(cell.get("t", "n"), float)
                cells[column - 1] = text(value)
        rows.append(cells)
    return rows


def read_mat(path: str | PathLike) -> list[np.ndarray]:
    """The variables of a MATLAB file up to version 7.2. Raises ImgreduxError for other files."""
    try:
        return [value for name, value in read_matlab(path).items() if not name.startswith("__")]
    except Exception as error:  # of a damaged file the reader raises whatever its bytes lead it to
        raise ImgreduxError(f"{path} cannot be read as a MATLAB file: {error}") from error


def mcl_jci_observers(path: str | PathLike) -> np.ndarray:
    """JPEG quality factors at which each observer of MCL-JCI placed one JND: `(50 images, observers)` float64.

    path: `JND_first.mat`, `JND_second.mat` or `JND_third.mat` (30 observers), or their `_update` (28) and
    `samples_remove_4points_` (26) forms without outlying observers.
    """
    arrays = read_mat(path)
    if len(arrays) != 1 or arrays[0].ndim != 2:
        raise ImgreduxError(f"{path} holds {len(arrays)} arrays; MCL-JCI's files hold one, images by observers")
    return arrays[0].astype(np.float64)


def mcl_jci_samples(path: str | PathLike) -> list[list[list[int]]]:
    """All JND points of MCL-JCI: quality factors, falling, per image and observer, from `MCL-JCI_JND_samples.xlsx`.

    The file lists the 30 observers of an image one after another; the next observer begins where the quality rises. The
    border is lost when an observer begins below the last point of the one before. So three images seem to have 29
    observers, and one has 31 because a sample is out of order.
    """
    images = []
    for _, text in read_xlsx(path):
        observers: list[list[int]] = []
        for quality in json.loads(str(text)):
            if not observers or quality >= observers[-1][-1]:
                observers.append([])
            observers[-1].append(quality)
        images.append(observers)
    return images


def videoset(path: str | PathLike) -> Table:
    """One JND of VideoSet's 220 sequences 1280x720, H.264.

    sequence_index: 1..220. anchor: QP of the reference, 0 for the source. samples: an array of each sequence's QPs of
    the observers (an object column); samples_no, mean, standard_deviation: of these. jnd: the QP at the 75 % point of
    satisfied users. normality: 1 where the samples passed the test.
    """
    table = read_csv(path)
    samples = np.empty(len(table["samples"]), dtype=object)
    samples[:] = [np.asarray(json.loads(cell), dtype=np.float64) for cell in table["samples"]]
    return {**table, "samples": samples}


def jpeg_aic(path: str | PathLike) -> Table:
    """JPEG AIC-3 stimuli (5 sources, 6 codecs, 10 levels) in JND units.

    img_num, codec, dlevel: source, codec and level. img_source, img_distorted: file names. distortion: perceived, in
    JND units; CI_min, CI_max: its 95 % interval. The table of metric scores has a column per metric instead, and one
    of its score mapped to JND units.
    """
    return read_csv(path)


def mucped23(path: str | PathLike) -> Table:
    """Human Elo of 31 JPEG encoder settings over CID22 images (MUCPED23).

    method: encoder, quality and chroma format. elo: its score; p99Low, p99Hi: the 99 % interval. bpp: bits per pixel.
    label: the encoder.
    """
    return read_csv(path)


def konjnd_ranges(path: str | PathLike) -> Table:
    """Ranges in which the authors of KonJND-1k accept an observer's first JND.

    image: stem. codec: "JPEG" or "BPG". level_lo, level_hi: distortion levels. qf_lo, qf_hi: JPEG quality factors,
    101 - level; NaN for BPG. critical_locations_xy: "x-y" points, joined by ";". origin: where it was read; of an
    image whose origin says "trap ladder" observers saw two images only, not a ladder of qualities.
    """
    return read_csv(path)


def _column(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return np.array(cells)
