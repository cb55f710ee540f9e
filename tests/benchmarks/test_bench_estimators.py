"""Every estimator of ours on a photograph's luma, from 512x512 to 12 megapixels, alone and in a batch."""

import pytest

import imgredux

INFO = {name: imgredux.info(name) for name in imgredux.list_methods()}
METHODS = [name for name, info in INFO.items() if info.spec.kind == "estimator" and not info.untrained]


@pytest.mark.parametrize("size", ["512x512", "1 MP", "1080p", "12 MP"])
@pytest.mark.parametrize("name", METHODS)
def test_one_image(measure, luma, name, size):
    method, x = imgredux.get(name), luma(size) / 255
    rounds = {"512x512": 9, "1 MP": 7, "1080p": 5, "12 MP": 3}[size]
    if name in ("liu2010", "wu2013"):
        rounds = max(1, rounds - 4)
    measure(lambda: method(x), task=f"{name}, {size}", row=name, pixels=x.numel(), rounds=rounds)


@pytest.mark.parametrize("name", METHODS)
def test_batch_of_8(measure, luma, name):
    method, x = imgredux.get(name), (luma("512x512") / 255).repeat(8, 1, 1, 1)
    measure(lambda: method(x), task=f"{name}, batch of 8, 512x512", row=name, pixels=x.numel(), rounds=5)


def test_jiang2022_without_edge_protection(measure, luma):
    method, x = imgredux.create("jiang2022", edge_protection=False), luma("1080p") / 255
    row = "jiang2022, edges not protected"
    measure(lambda: method(x), task="jiang2022, 1080p", row=row, pixels=x.numel(), rounds=9)
