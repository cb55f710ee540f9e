"""What moves the weights: Adam, or Muon for the kernels of convolutions and Adam for the rest, as one optimizer."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from imgredux.errors import ImgreduxError

FEATURES = 16  # on both sides of a kernel that Muon moves: those next to an image, and of groups, are left to Adam


def optimizer_of(method: nn.Module, lr: float, betas: tuple[float, float], kernels_lr: float | None) -> Any:
    """Adam for all parameters, or `MuonWithAdam` where `kernels_lr` is given; "peak" in a group is its own rate.

    Raises ImgreduxError for Muon with a torch that has none.
    """
    parameters = list(method.parameters())
    kernels = [p for p in parameters if p.ndim == 4 and min(p.shape[:2]) >= FEATURES]
    if kernels_lr is None or not kernels:
        return torch.optim.Adam([{"params": parameters, "peak": lr}], lr=lr, betas=betas)
    taken = {id(kernel) for kernel in kernels}
    return MuonWithAdam(kernels, [p for p in parameters if id(p) not in taken], kernels_lr, lr, betas)


class MuonWithAdam(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for kernels, Adam for the rest.

    A step of Muon is the gradient's momentum, made orthogonal: every direction of a kernel `(O, I h w)` moves as far.
    It is scaled to the size of Adam's steps (Liu et al., Muon is scalable for LLM training, 2025). kernels, rest:
    parameters; `rest` may be empty.
    """

    def __init__(
        self,
        kernels: Sequence[Tensor],
        rest: Sequence[Tensor],
        kernels_lr: float,
        lr: float,
        betas: tuple[float, float],
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise ImgreduxError(f"kernels_lr needs torch.optim.Muon, of torch 2.9; this is torch {torch.__version__}")
        groups = [{"params": kernels, "lr": kernels_lr, "peak": kernels_lr}]
        if rest:
            groups.append({"params": rest, "lr": lr, "peak": lr})
        super().__init__(groups, {})
        # Muon takes matrices: each shares the memory of its kernel, so that a step of one is a step of the other.
        self._matrices = [nn.Parameter(_matrix(kernel.detach(), kernel)) for kernel in kernels]
        muon = torch.optim.Muon(self._matrices, lr=kernels_lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        self._each: list[torch.optim.Optimizer] = [muon]
        if rest:
            self._each.append(torch.optim.Adam(rest, lr=lr, betas=betas))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the parameters that have a gradient, at the rates of the groups."""
        loss = closure() if closure else None
        for matrix, kernel in zip(self._matrices, self.param_groups[0]["params"], strict=True):
            matrix.grad = None if kernel.grad is None else _matrix(kernel.grad, kernel).contiguous()
        for group, optimizer in zip(self.param_groups, self._each, strict=True):
            optimizer.param_groups[0]["lr"] = group["lr"]
            optimizer.step()
        for matrix in self._matrices:
            matrix.grad = None
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The states of both."""
        return {"each": [optimizer.state_dict() for optimizer in self._each]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave."""
        for optimizer, state in zip(self._each, cast("list[dict[str, Any]]", state_dict["each"]), strict=True):
            optimizer.load_state_dict(state)


def _matrix(x: Tensor, kernel: Tensor) -> Tensor:
    """Of the shape `(O, I, h, w)` of a kernel: a matrix `(O, I h w)`, in the order in which the kernel's memory lies.

    Of the kernel itself, it shares the memory.
    """
    if kernel.is_contiguous(memory_format=torch.channels_last) and not kernel.is_contiguous():
        x = x.permute(0, 2, 3, 1)
    return x.reshape(len(x), -1)
