"""Learning-Based Just-Noticeable-Quantization-Distortion Modeling (Ki, Bae, Kim, Ko; TIP 2018).

An encoder spends fewer bits on an image whose 8x8 DCT coefficients were moved towards zero. JNQD says how far each
block may be moved so that nobody sees it after quantisation at a given QP. It is ERJND, which holds without
quantisation, times a factor alpha. A linear regression finds alpha from five features of the block (LR). A network
learned the same (CNN). Grey levels 0..255 throughout. Y is the image, Y_pre what is left of it.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from imgredux.errors import ImgreduxError
from imgredux.methods.base import Estimator
from imgredux.methods.tiling import pad
from imgredux.ops.color import luma
from imgredux.ops.dct import across_blocks, blocks, dct, idct
from imgredux.ops.strips import in_strips
from imgredux_ki2018.network import HALO, network, read_matconvnet
from imgredux_ki2018.spectrum import Spectrum, per_block

N = 8
EPS = 2.0**-52
CYCLES_PER_DEGREE = 2.2340258502618  # of the frequency (0, 1), at 1.3 m: 0.027976 degrees per pixel
_STRIP = (16, 2**17)  # rows and pixels, at most, of a strip of the network: 64 planes of them, twice

# Weights of f1..f6 in g (gradient) and o (offset), by QP: numbers of the authors' gradient_offset_weight_qp_intra.mat.
WEIGHTS = {
    22: (
        (0.11134325, -0.06487439, 0.03772108, 0.09459392, 0.15945056, 1.08009207),
        (0.0318, -0.0631, 0.0475, 0.0068, -0.1913, -0.2250),
    ),
    27: (
        (0.30120236, -0.07886174, 0.09374458, 0.13266022, 0.11377627, 0.54109122),
        (-0.4134, -0.0331, -0.1112, -0.0699, -0.1558, 0.7283),
    ),
    32: (
        (0.37366989, -0.04060515, 0.13650017, 0.14882816, 0.04475299, -0.11384650),
        (-0.7386, -0.0158, -0.2685, -0.1363, -0.0983, 1.7837),
    ),
    37: (
        (0.30265574, -0.02738122, 0.11794243, 0.11526977, 0.02682514, -0.20018877),
        (-0.7525, 0.0494, -0.3136, -0.1335, -0.0977, 2.0304),
    ),
}


class Ki2018(Estimator):
    """JND of Ki et al. (2018): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in the same units; one map for all channels.

    qp: quantisation parameter of HEVC intra coding that the LR form foresees: 22, 27, 32 or 37. A network foresees the
    one it was trained for.
    form: "lr", the regression with the authors' constants; "cnn", the network, which needs weights: the authors'
    `net-epoch-300.mat` by `imgredux.get("ki2018", weights=...)`, or own ones, trained through `.network`.
    output: "residual", what pre-processing takes away, |Y - Y_pre|; "block" (LR only), JNQD itself, which is the
    standard deviation of pixels whose DCT coefficients all move by +JNQD or -JNQD. The paper defines no map of pixels.
    faithful: the authors' polar average, which swaps interpolation weights at negative frequencies, and with which
    their regression was trained; False interpolates as meant.

    Sees an 8-bit image, as that code does: luma is rounded to whole grey levels, halves up, and so is Y_pre. Not
    differentiable; `.network`, on planes in [0, 1], is.

    Raises ValueError for another qp, form or output, and for the CNN's block map.
    """

    def __init__(
        self,
        *,
        qp: int = 32,
        form: Literal["lr", "cnn"] = "lr",
        output: Literal["residual", "block"] = "residual",
        faithful: bool = True,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("qp", qp, tuple(WEIGHTS)),
            ("form", form, ("lr", "cnn")),
            ("output", output, ("residual", "block")),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(str, known))}")
        if form == "cnn" and output == "block":
            raise ValueError("the CNN gives an image, no JNQD of blocks: choose output='residual'")
        self.qp, self.form, self.output = qp, form, output
        self.network = network() if form == "cnn" else None
        self.spectrum = Spectrum(faithful)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The CNN form from the authors' MatConvNet file (`.mat`), else what a safetensors file says.

        Raises WeightsError for a `.mat` file without the three convolutions.
        """
        if Path(path).suffix == ".mat":
            return {"form": "cnn"}, {f"network.{key}": value for key, value in read_matconvnet(path).items()}
        return super().read_weights(path)

    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        if self.output == "block":
            return in_strips(lambda part: self._jnqd_of_pixels(part) / 255, x)
        return self._in_strips(x, lambda Y, Y_pre: (Y - Y_pre).abs() / 255)

    @torch.no_grad()
    def preprocessed(self, x: Tensor) -> Tensor:
        """Y_pre, the luma to give to the encoder: `(B, 1 or 3, H, W)` in [0, 1] to `(B, 1, H, W)` in whole 255ths."""
        Y_pre = self._in_strips(pad(x, N, N), lambda Y, Y_pre: Y_pre / 255)
        return Y_pre[..., : x.shape[-2], : x.shape[-1]]

    @torch.no_grad()
    def thresholds(self, x: Tensor) -> Tensor:
        """JNQD, `(B, ceil(H/8), ceil(W/8), 8, 8)`, one value per block, in orthonormal DCT units of luma in 0..255.

        0 where nothing may be lost. Takes images of any size: blocks at the bottom and right are completed by edge
        replication. Raises ImgreduxError for the CNN form.
        """
        if self.form == "cnn":
            raise ImgreduxError("ki2018 has no thresholds as a CNN, which gives an image: use form='lr'")
        return blocks(in_strips(self._jnqd_of_pixels, pad(x, N, N))).squeeze(1)

    def _in_strips(self, x: Tensor, finish: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """`finish` of Y and Y_pre."""
        if self.network is None:

            def suppressed(part: Tensor) -> Tensor:
                Y = _gray_levels(part)
                return finish(Y, _suppress(Y, self._jnqd(Y)))

            return in_strips(suppressed, x)
        rows, net = max(1, min(_STRIP[0], _STRIP[1] // x.shape[-1])), self.network

        def learned(part: Tensor) -> Tensor:
            Y = _gray_levels(part)
            return finish(Y[..., HALO:-HALO, HALO:-HALO], _to_8_bits(net(Y / 255) * 255))

        return in_strips(learned, x, halo=HALO, rows=rows, border="replicate")

    def _jnqd_of_pixels(self, part: Tensor) -> Tensor:
        jnqd = across_blocks(self._jnqd(_gray_levels(part)))
        return jnqd.expand(-1, -1, -1, N, -1).flatten(-3, -2)

    def _jnqd(self, Y: Tensor) -> Tensor:
        """JNQD of the blocks: `(B, 1, H/8, W/8)`, DCT units."""
        f, erjnd = self.features(Y)
        wg_wo = torch.tensor(WEIGHTS[self.qp], dtype=Y.dtype, device=Y.device).mT
        return alpha(*per_block(f, wg_wo).unbind(-1)) * erjnd

    def features(self, Y: Tensor) -> tuple[Tensor, Tensor]:
        """f1..f6 `(B, 1, H/8, W/8, 6)` and ERJND `(B, 1, H/8, W/8)` of Y `(B, 1, H, W)`, whole grey levels."""
        tiles = blocks(Y).flatten(-2)
        darkest, brightest = tiles.aminmax(dim=-1)
        energies = per_block(blocks(dct(Y)).flatten(-2).square(), moments().to(Y))
        tau = structural_contrast(*energies.unbind(-1)).masked_fill(darkest == brightest, 0)  # not by rounding noise
        f1 = (brightest - darkest) / (brightest + darkest)  # NaN if black
        f2 = ((energies[..., 0] / (N * N - 1)).sqrt() + EPS).log()  # Parseval: standard deviation of the pixels
        f3, f4 = self.spectrum.line(tiles)
        f5 = (tau + EPS).log()
        return torch.stack([f1, f2, f3, f4, f5, torch.ones_like(f5)], -1), 42.5 * (0.54 * tau.log()).exp()


def moments() -> Tensor:
    """Weights of the squared coefficients in S0, S2, S4: float64 `(64, 3)`, powers 0, 2, 4 of w_ij; none of DC."""
    i = torch.arange(N, dtype=torch.float64)
    w2 = CYCLES_PER_DEGREE**2 * (i[:, None] ** 2 + i**2).flatten()
    return torch.stack([(w2 > 0).to(w2), w2, w2**2], -1)


def structural_contrast(S0: Tensor, S2: Tensor, S4: Tensor) -> Tensor:
    """tau, the structural contrast index of Bae and Kim (2014): contrast, less where the spectrum is spread."""
    kappa = S0 * S4 / (S2 * S2)
    C_t = S0.sqrt() / (N * 127.5)
    return (1.4 * C_t.log() - 0.7 * kappa.log()).exp()


def alpha(g: Tensor, o: Tensor) -> Tensor:
    """Share of ERJND, 0..1, at which visibility, g alpha + o, reaches 1; 0 if a feature is NaN, as in black blocks."""
    share = torch.where(g == 0, (o <= 1).to(g), (1 - o) / g)
    return share.clamp(0, 1).nan_to_num(nan=0.0)


def _suppress(Y: Tensor, jnqd: Tensor) -> Tensor:
    """Y_pre: every coefficient, DC too, moved towards zero by the JNQD of its block."""
    C = dct(Y).unflatten(-2, (-1, N))
    limit = across_blocks(jnqd)
    return _to_8_bits(idct((C - C.clamp(-limit, limit)).flatten(-3, -2)))


def _gray_levels(x: Tensor) -> Tensor:
    return _to_8_bits(luma(x) * 255)


def _to_8_bits(gray: Tensor) -> Tensor:
    return (gray + 0.5).floor_().clamp_(0, 255)
