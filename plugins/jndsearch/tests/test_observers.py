"""The target "first" against people: where observers of KonJND-1k first told a JPEG from its original."""

from PIL import Image

import imgredux
from imgredux.protocols.first_jnd import ranges
from imgredux.testing.shared import shared


def test_the_first_difference_lies_where_observers_saw_it():
    search = imgredux.create("jndsearch", candidates=["jpeg420"])
    studied = [row for row in ranges(shared("data/jnd/konjnd")) if row[1] == "konjnd"]
    assert len(studied) == 5
    for item, _, low, high in studied:
        with Image.open(item.path) as image:
            assert low <= search.search(image.convert("RGB"), "first").value <= high, item.stem
