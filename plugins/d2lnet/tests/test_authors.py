"""The released variant beside the authors' network, on the same weights.

Their code has no licence and is not part of this repository: IMGREDUX_D2LNET names a checkout of
YeunkSuzy/Dual_Domain_Learning (1c752d6 when this was written). Its imports of BasicSR are not followed.
"""

import ast
import os
import re
from pathlib import Path

import pytest
import torch
from imgredux_d2lnet.network import Network
from torch import nn

# Their names to ours, in this order; their way up is numbered from the coarsest level, ours from the finest.
NAMES = (
    (r"^(conv_0[12]|pre_re|skip_conv_[12])(.*)\.norm\.weight$", r"\1\2.scale"),
    (r"^(conv_0[12]|pre_re|skip_conv_[12])(.*)\.norm\.bias$", r"\1\2.shift"),
    (r"^conv_0([12])", r"embed\1"),
    (r"^pre_re", "refine.0"),
    (r"^last2", "refine.1"),
    (r"^last\b", "modulate"),
    (r"^cat12", "join"),
    (r"^sam12\.conv1", "supervised.features"),
    (r"^sam12\.conv2", "supervised.image"),
    (r"^sam12\.conv3", "supervised.mask"),
    (r"^skip_conv_([12])", r"stage\1.skip"),
    (r"^down_path_([12])\.(\d)\.downsample", r"stage\1.shrink.\2"),
    (r"^down_path_([12])\.(\d)\.csff_enc", r"stage\1.guide_encoded.\2"),
    (r"^down_path_([12])\.(\d)\.csff_dec", r"stage\1.guide_decoded.\2"),
    (r"^down_path_([12])", r"stage\1.down"),
    (r"^up_path_([12])\.(\d)\.up\.", r"stage\1.enlarge.\2."),
    (r"^up_path_([12])\.(\d)\.conv_block", r"stage\1.up.\2"),
    (r"(skip|enlarge|up)\.([02])\.", lambda found: f"{found[1]}.{2 - int(found[2])}."),
    (r"conv_fft_1", "branch.first"),
    (r"conv_fft_2", "branch.second"),
    (r"sa\.conv1", "attention.conv"),
    (r"process\.0\.process", "block"),
    (r"process\.0\.conv_du\.0", "squeeze"),
    (r"process\.0\.conv_du\.2", "excite"),
    (r"conv_in|conv_1\b", "first"),
    (r"conv_2\b", "second"),
    (r"conv_last", "last"),
    (r"identity", "residual"),
)
# What their forward never uses: of the half normalisation blocks, and the frequency branches on the way up.
UNUSED = re.compile(r"((conv_0|pre_re|skip_).*(identity|conv_3)|up_path.*(fft|sa)).*")


def authors_class() -> type[nn.Module]:
    """Their D2LNet; skips the test where no checkout is named."""
    root = os.environ.get("IMGREDUX_D2LNET")
    if not root:
        pytest.skip("IMGREDUX_D2LNET names no checkout of the authors' code")
    path = Path(root) / "JPEG" / "JPEG" / "D2LNet.py"
    tree = ast.parse(path.read_text("utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))]
    for node in tree.body:
        node.decorator_list = []
    names: dict = {"torch": torch, "nn": nn}
    exec(compile(tree, str(path), "exec"), names)
    return names["D2LNet"]


def our_name(theirs: str) -> str:
    for pattern, ours in NAMES:
        theirs = re.sub(pattern, ours, theirs)
    return theirs


@pytest.fixture(params=[16, 64], ids="width {}".format)
def pair(request) -> tuple[nn.Module, Network]:
    """Their network and ours, with the same random weights."""
    torch.manual_seed(0)
    theirs = authors_class()(3, request.param).double()
    ours = Network(3, request.param, "released", "cbam", True, True).double()
    ours.load_state_dict({our_name(k): v for k, v in theirs.state_dict().items() if not UNUSED.fullmatch(k)})
    return theirs, ours


def test_the_released_variant_is_the_authors_network(pair):
    theirs, ours = pair
    x = torch.rand(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        out1, _, _, out2 = theirs(x)
        found1, found2 = ours(x)
    for expected, found in ((out1, found1), (out2, found2)):
        assert float((found - expected).norm() / expected.norm()) <= 1e-5
        assert float((found - expected).abs().max() / expected.abs().max()) <= 1e-5


def test_their_unused_parameters_are_left_out(pair):
    theirs, _ = pair
    unused = sum(v.numel() for k, v in theirs.named_parameters() if UNUSED.fullmatch(k))
    given, kept = (sum(v.numel() for v in network.parameters()) for network in pair)
    assert kept == given - unused
    if given == 29_620_645:  # width 64
        assert kept == 25_614_521
