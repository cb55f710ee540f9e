"""Photographs to train on, and a toy that learns."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from imgredux import registry
from imgredux.training import loop

TOYS = Path(__file__).with_name("toys")


@pytest.fixture(autouse=True, scope="session")
def one_precision() -> Iterator[None]:
    """What the tests compare does not depend on the processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "fast_precision", lambda device: "32-true")
        yield


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of twelve images of 96x80 cut from photographs; one of each ten is held out."""
    folder = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "coffee", "rocket"):
        photo = getattr(data, name)()
        for part in range(4):
            Image.fromarray(photo[40 * part : 40 * part + 80, 100:196]).save(folder / f"{name}{part}.png")
    return folder


def registered(module: str) -> Iterator[str]:
    """The name of the toy in a module of `toys`, registered until the generator goes on."""
    known = dict(registry._plugins.known["method"])
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOYS)
        spec = importlib.import_module(module).SPEC
        registry.register(spec)
        yield spec.name
    registry._plugins.known["method"].clear()
    registry._plugins.known["method"].update(known)


@pytest.fixture(scope="module")
def pupil() -> Iterator[str]:
    """A restorer that learns."""
    yield from registered("imgredux_pupil")


@pytest.fixture(scope="module")
def twin() -> Iterator[str]:
    """An estimator that learns from pairs."""
    yield from registered("imgredux_twin")
