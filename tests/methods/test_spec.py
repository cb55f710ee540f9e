"""What a Spec says beyond what the conformance suite checks."""

import pytest

import imgredux
from imgredux import Spec


def test_an_estimator_says_what_one_jod_is() -> None:
    assert imgredux.get("flat").jod == pytest.approx(7.4, abs=0.1)
    assert imgredux.get("ddjnd").jod == imgredux.info("ddjnd").spec.jod["paper"]
    assert imgredux.get("ddjnd.hiding").jod != imgredux.get("ddjnd").jod
    with pytest.raises(imgredux.ImgreduxError, match="shen2020 is not calibrated"):
        _ = imgredux.create("shen2020").jod


@pytest.mark.parametrize(("kind", "jod"), [("restorer", {"": 1.0}), ("estimator", {"": 0.0})])
def test_factors_are_an_estimators_and_above_zero(kind: str, jod: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="factors above 0"):
        Spec(name="x", kind=kind, target="x:X", title="", paper="", license="MIT", jod=jod)  # type: ignore[arg-type]
