"""Maps in just-objectionable differences, at a distance and a display."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import imgredux
from imgredux.batch.run import Run
from imgredux.maps import read_map
from imgredux.methods.viewing import BY_PEAK, BY_PPD, REFERENCE, Viewing, change
from imgredux.testing.damaged import photograph
from imgredux.testing.inputs import photos


def test_at_the_reference_the_map_is_multiplied_by_its_factor() -> None:
    x = photograph("astronaut", 40, 48)
    plain, seen = imgredux.get("chou1995"), imgredux.get("chou1995", ppd=37.8)
    assert seen.viewing == REFERENCE
    torch.testing.assert_close(seen(x), plain.jod * plain(x))
    assert seen.jod == 1
    assert plain.viewing is None


def test_every_way_in_is_calibrated_alike(tmp_path: Path) -> None:
    image = photos(side=64)["coffee"]
    plain, far = imgredux.get("localstd"), imgredux.get("localstd", ppd=75.4, peak=500)
    factor = plain.jod * BY_PPD[75.4] * BY_PEAK[500]
    assert far(image) == pytest.approx(factor * plain(image), rel=1e-5)
    Image.fromarray(image).save(tmp_path / "a.png")
    assert far(tmp_path / "a.png") == pytest.approx(factor * plain(image), rel=1e-5)
    tiled = imgredux.methods.base.tiled(far, image, tile=32)
    assert tiled == pytest.approx(factor * plain(image), rel=1e-4)
    for again in (copy.deepcopy(far), pickle.loads(pickle.dumps(far))):
        assert np.array_equal(again(image), far(image))


def test_farther_away_and_darker_hide_more() -> None:
    assert [*BY_PPD.values()] == sorted(BY_PPD.values())
    assert [*BY_PEAK.values()] == sorted(BY_PEAK.values(), reverse=True)
    assert change(REFERENCE) == 1
    between = change(Viewing(ppd=55))
    assert BY_PPD[50] < between < BY_PPD[60]
    assert change(Viewing(ppd=75.4, peak=100)) == pytest.approx(BY_PPD[75.4] * BY_PEAK[100])


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(imgredux.ImgreduxError, match="ppd is 500; give 15 to 100 pixels per degree"):
        imgredux.get("chou1995", ppd=500)
    with pytest.raises(imgredux.ImgreduxError, match="peak is 1; give 50 to 1000 cd/m2"):
        imgredux.get("chou1995", peak=1)
    with pytest.raises(imgredux.ImgreduxError, match="slidingdct is a restorer"):
        imgredux.get("slidingdct", ppd=60)
    with pytest.raises(imgredux.ImgreduxError, match="not calibrated"):
        imgredux.create("shen2020").calibrate(60, 200)
    with pytest.raises(imgredux.ImgreduxError, match="calibrated already"):
        imgredux.get("chou1995", ppd=60).calibrate(60, 200)
    with pytest.raises(imgredux.ImgreduxError, match="ppd and peak are of an estimator's map"):
        Run("slidingdct", ppd=60)


def test_a_folder_of_maps_in_jods(tmp_path: Path) -> None:
    from imgredux.batch import engine

    Image.fromarray(photos(side=64)["coffee"]).save(tmp_path / "a.png")
    for result in engine.run(Run("chou1995", format="npy", ppd=60), [tmp_path / "a.png"], tmp_path / "out.npy"):
        assert result.error is None
    found = read_map(tmp_path / "out.npy")
    assert found == pytest.approx(imgredux.get("chou1995", ppd=60)(tmp_path / "a.png"), rel=1e-4)
