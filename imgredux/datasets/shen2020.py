"""SHEN2020 (Shen, Ni, Yang, Zhang, Wang and Kwong, IEEE TIP 2020): 202 images in VVC intra, 20 observers each."""

import re
from os import PathLike
from pathlib import Path

import numpy as np

from imgredux.datasets.base import Dataset, Item, by_stem, collected, existing, images_in, matched_pair
from imgredux.datasets.tables import read_mat
from imgredux.errors import ImgreduxError

SESSIONS = range(1, 5)
OBSERVERS = 20
QPS = range(13, 52)


def shen2020(root: str | PathLike) -> Dataset:
    """SHEN2020 as it is distributed, each critical image coded at the rounded mean of its observers' first JND.

    root: holds `session{1..4}_Ori`, `session{1..4}_Dis` and the ratings `f_session{1..4}.mat`: one row per image, QPs
    13 to 51 of 20 observers. Observers beyond two standard deviations from an image's mean are left out (our choice,
    as the paper's way is not known). The tables name no image: row i is source i of its session, by the numbers in the
    file names, and a session whose counts differ is a problem as a whole. A coded image is found by its source's stem
    and the QP that ends its path, `{stem}_{QP}.png` or `{stem}/{QP}.png` or alike. Stems begin with `session{n}_`.

    Raises ImgreduxError where no session is there.
    """
    base = existing(root)
    results: list[Item | str] = []
    for session in SESSIONS:
        results += _session(base, session)
    if all(isinstance(result, str) and "no folder" in result for result in results):
        raise ImgreduxError(f"{base} holds no session1_Ori .. session4_Ori: name the folder that holds SHEN2020")
    return collected("shen2020", results)


def first_jnd(ratings: np.ndarray) -> np.ndarray:
    """QP of each image's first JND: the mean of its observers', `(images, observers)`, within 2 standard deviations."""
    qps = ratings.astype(np.float64)
    far = np.abs(qps - qps.mean(1, keepdims=True)) > 2 * qps.std(1, keepdims=True)
    return np.ma.masked_array(qps, far).mean(1).filled(np.nan)


def _session(base: Path, session: int) -> list[Item | str]:
    folders = [base / f"session{session}_{part}" for part in ("Ori", "Dis")]
    missing = [f"session {session}: no folder {path}" for path in folders if not path.is_dir()]
    table = base / f"f_session{session}.mat"
    if missing or not table.is_file():
        return [*missing] or [f"session {session}: no table {table}"]
    sources, problems = by_stem(images_in(folders[0]))
    stems = sorted(sources, key=_natural)
    try:
        ratings = _ratings(table)
    except ImgreduxError as error:
        return [*problems, str(error)]
    if len(ratings) != len(stems):
        return [*problems, f"session {session}: {len(stems)} source images, but {len(ratings)} rows in {table}"]
    coded = [path for child in [folders[1], *_subfolders(folders[1])] for path in images_in(child)]
    results: list[Item | str] = [*problems]
    for stem, qp in zip(stems, first_jnd(ratings), strict=True):
        label, wanted = f"session{session}_{stem}", round(float(qp))
        found = [path for path in coded if _is_coded(path.relative_to(folders[1]), stem, wanted)]
        if len(found) == 1:
            results.append(matched_pair(label, sources[stem], found[0]))
        else:
            results.append(f"{label}: {len(found) or 'no'} images of QP {wanted} in {folders[1]}")
    return results


def _ratings(path: Path) -> np.ndarray:
    tables = [a for a in read_mat(path) if a.ndim == 2 and a.shape[1] == OBSERVERS]
    if len(tables) != 1 or not np.isin(tables[0], QPS).all():
        raise ImgreduxError(f"{path} holds {len(tables)} tables of {OBSERVERS} observers; one of QPs 13..51 is needed")
    return tables[0]


def _natural(stem: str) -> list[tuple[int, str]]:
    """A key by which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", stem)]


def _subfolders(path: Path) -> list[Path]:
    return sorted(child for child in path.rglob("*") if child.is_dir())


def _is_coded(relative: Path, stem: str, qp: int) -> bool:
    """Whether `{stem}` stands whole in the path, and `{qp}` alone, or after `QP`, ends it."""
    label = relative.with_suffix("").as_posix()
    pattern = rf"(.*[^0-9A-Za-z])?{re.escape(stem)}[^0-9A-Za-z](.*[^0-9A-Za-z])?(QP|qp)?{qp}"
    return re.fullmatch(pattern, label) is not None
