"""JND by gradient masking: what imgredux has to know about it."""

from imgredux import Spec, hookimpl

SPEC = Spec(
    name="gradmask",
    kind="estimator",
    target="imgredux_gradmask.method:GradMask",
    title="Gradient masking and luminance adaptation, in pixels",
    paper="Chou and Li, A perceptually tuned subband image coder based on the JND profile, IEEE TCSVT 5(6), 1995",
    license="MIT",
    context=2,
    differentiable=True,
)


@hookimpl
def imgredux_methods() -> list[Spec]:
    return [SPEC]
