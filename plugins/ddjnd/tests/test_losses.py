import numpy as np
import pytest
import torch
from imgredux_ddjnd.losses import distillation, objective


def features(seed: int) -> torch.Tensor:
    return torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))


def by_formula(F_s: np.ndarray, F_f: np.ndarray, T: float, axes: tuple[int, ...]) -> float:
    """Eq. 20-21, in float64."""
    e_s, e_f = np.exp(F_s / T), np.exp(F_f / T)
    p_s, p_f = e_s / e_s.sum(axes, keepdims=True), e_f / e_f.sum(axes, keepdims=True)
    kl = (p_s * np.log(p_s / p_f)).sum() + (p_f * np.log(p_f / p_s)).sum()
    return kl * T**2 / len(F_s)


@pytest.mark.parametrize("T", [1.0, 3.0])
@pytest.mark.parametrize(("over", "axes", "share"), [("image", (1, 2, 3), 1), ("channels", (1,), 20)])
def test_distillation_is_the_formula(T, over, axes, share):
    F_s, F_f = features(0), features(1)
    expected = by_formula(F_s.double().numpy(), F_f.double().numpy(), T, axes) / share
    assert float(distillation(F_s, F_f, T, over)) == pytest.approx(expected, rel=1e-5)
    assert float(distillation(F_f, F_s, T, over)) == pytest.approx(expected, rel=1e-5)
    assert float(distillation(F_s, F_s, T, over)) == 0


def test_each_branch_learns_from_the_other_and_no_teacher_moves():
    F_s, F_f = features(0).double().requires_grad_(), features(1).double().requires_grad_()
    distillation(F_s, F_f, 1.0).backward()
    p_s, p_f = (x.detach().flatten(1).softmax(1).view_as(x) for x in (F_s, F_f))
    # The gradient of KL(p, softmax(F)) in F is softmax(F) - p.
    torch.testing.assert_close(F_s.grad, (p_s - p_f) / 2)
    torch.testing.assert_close(F_f.grad, (p_f - p_s) / 2)


def test_the_objective_adds_both_terms():
    F_s, F_f, (I_out, I_gt) = features(0), features(1), torch.rand(2, 1, 3, 8, 8)
    total, parts = objective(I_out, I_gt, F_s, F_f)
    assert float(parts["feature"]) == pytest.approx(float((I_out - I_gt).square().mean()))
    assert float(total) == pytest.approx(float(parts["feature"] + parts["distillation"]))
    lighter, same = objective(I_out, I_gt, F_s, F_f, kd_weight=1e-3)
    assert float(lighter) == pytest.approx(float(same["feature"] + 1e-3 * same["distillation"]))


def test_mixed_precision_and_flat_features_are_finite():
    F_s, F_f = torch.zeros(1, 2, 8, 8, requires_grad=True), torch.full((1, 2, 8, 8), 300.0, requires_grad=True)
    total, _ = objective(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), F_s.half(), F_f.half())
    total.backward()
    assert total.dtype == torch.float32
    assert F_s.grad.isfinite().all()
    assert F_f.grad.isfinite().all()
