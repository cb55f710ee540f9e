"""LPIPS against the values its authors publish, and where it looks for the weights under it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from imgredux import ImageError
from imgredux.errors import WeightsError
from imgredux.metrics.lpips import BACKBONES, _model, _models, lpips
from imgredux.testing.shared import shared

pytest.importorskip("lpips")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
OFFICIAL = {"I03": 0.7237, "I04": 0.2572, "I06": 0.05079, "I08": 0.05205, "I19": 0.4253}  # authors' code, alex


@pytest.fixture
def backbones(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = shared("weights/lpips")
    monkeypatch.setenv(BACKBONES, str(folder))
    return folder


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty hub cache, no folder, and no network."""

    def unreachable(url: str, *_args: object, **_options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.delenv(BACKBONES, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", unreachable)
    _models.clear()
    return tmp_path / "hub" / "checkpoints"


def read(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None].float() / 255


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("name", "expected"), [("ex_p0", 0.722), ("ex_p1", 0.138)])
def test_the_authors_example(backbones: Path, name: str, expected: float) -> None:
    reference, image = (read(backbones / "check" / f"{stem}.png") for stem in ("ex_ref", name))
    assert lpips(image, reference).item() == pytest.approx(expected, abs=5e-4)


@pytest.mark.usefixtures("backbones")
@pytest.mark.parametrize("name", OFFICIAL)
def test_tid2013_images(name: str) -> None:
    folder = shared("data/metrics/tid2013_pairs")
    reference, image = (read(folder / side / f"{name}.bmp") for side in ("ref_dir", "dist_dir"))
    assert lpips(image, reference).item() == pytest.approx(OFFICIAL[name], abs=6e-5)


@pytest.mark.usefixtures("backbones")
def test_squeeze_gives_the_value_in_the_documentation_of_torchmetrics() -> None:
    generator = torch.Generator().manual_seed(42)
    image, reference = (torch.rand(10, 3, 100, 100, generator=generator) for _ in range(2))
    assert lpips(image, reference, net="squeeze").mean().item() == pytest.approx(0.1005, abs=5e-5)


@pytest.mark.usefixtures("backbones")
def test_one_value_per_image_and_gray_is_gray_rgb() -> None:
    images, references = noise(2, 3, 1, 64, 80)
    values = lpips(images, references)
    assert values.shape == (3,)
    assert values[1].item() == pytest.approx(lpips(images[[1]], references[[1]]).item(), abs=1e-6)
    rgb = lpips(images.expand(-1, 3, -1, -1), references.expand(-1, 3, -1, -1))
    assert values.tolist() == pytest.approx(rgb.tolist(), abs=1e-6)
    assert lpips(images, images).tolist() == [0, 0, 0]


@pytest.mark.usefixtures("backbones")
def test_float64_is_computed_in_float64() -> None:
    image, reference = noise(2, 1, 3, 64, 64)
    single, double = lpips(image, reference).item(), lpips(image.double(), reference.double()).item()
    assert double == pytest.approx(single, abs=1e-5)
    assert double != single


@pytest.mark.usefixtures("backbones")
def test_gradients_reach_the_image_and_not_the_network() -> None:
    image, reference = noise(2, 1, 3, 64, 64)
    with torch.inference_mode():  # a model made here must serve training too
        lpips(image, reference)
    image.requires_grad_()
    lpips(image, reference).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert image.grad.abs().sum() > 0
    model = _model("alex", None, str(shared("weights/lpips")), image.device, image.dtype)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.usefixtures("backbones")
def test_the_global_random_state_stays() -> None:
    _models.clear()
    before = torch.get_rng_state()
    lpips(*noise(2, 1, 3, 64, 64))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_file_of_the_user_goes_before_the_folder(
    backbones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, reference = noise(2, 1, 3, 64, 64)
    features = torch.load(backbones / "alexnet_features.pth", weights_only=True)
    model = {f"features.{key}": value for key, value in features.items()} | {"classifier.1.bias": torch.zeros(1)}
    torch.save(model, tmp_path / "whole.pth")
    whole = lpips(image, reference, weights=tmp_path / "whole.pth").item()
    assert whole == lpips(image, reference).item()
    torch.save({key: torch.zeros_like(value) for key, value in features.items()}, tmp_path / "alexnet_features.pth")
    monkeypatch.setenv(BACKBONES, str(tmp_path))
    assert lpips(image, reference).item() == 0
    assert lpips(image, reference, weights=str(backbones / "alexnet_features.pth")).item() == whole


def test_torchs_cache_serves_before_the_download(nowhere: Path) -> None:
    features = torch.load(shared("weights/lpips/alexnet_features.pth"), weights_only=True)
    nowhere.mkdir(parents=True)
    torch.save(features, nowhere / "alexnet-owt-7be5be79.pth")
    assert lpips(*noise(2, 1, 3, 64, 64)).item() > 0


def test_the_error_says_where_to_put_the_file(nowhere: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        lpips(*noise(2, 1, 3, 64, 64), net="vgg")
    for part in ("vgg16-397923af.pth", str(nowhere), "vgg16_features.pth", BACKBONES, "weights=", "no route to host"):
        assert part in str(caught.value)


def test_files_that_are_no_backbone_are_refused(tmp_path: Path) -> None:
    pictures = noise(2, 1, 3, 64, 64)
    with pytest.raises(WeightsError, match=r"missing\.pth cannot be read"):
        lpips(*pictures, weights=tmp_path / "missing.pth")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(WeightsError, match=r"text\.pth cannot be read"):
        lpips(*pictures, weights=tmp_path / "text.pth")
    torch.save({"0.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not hold the weights"):
        lpips(*pictures, weights=tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match="cannot be read"):
        lpips(*pictures, weights=tmp_path / "list.pth")


@pytest.mark.usefixtures("backbones")
@pytest.mark.parametrize(("net", "smallest"), [("alex", 31), ("squeeze", 17)])
def test_the_smallest_image(net: str, smallest: int) -> None:
    assert lpips(*noise(2, 1, 3, smallest, 64), net=net).isfinite().all()  # type: ignore[arg-type]
    with pytest.raises(ImageError, match=f"at least {smallest}x{smallest}"):
        lpips(*noise(2, 1, 3, smallest - 1, 64), net=net)  # type: ignore[arg-type]


def test_unfit_arguments_are_refused() -> None:
    with pytest.raises(ImageError, match="2 channels"):
        lpips(*noise(2, 1, 2, 64, 64))
    with pytest.raises(ValueError, match="choose alex, squeeze or vgg"):
        lpips(*noise(2, 1, 3, 64, 64), net="resnet")  # type: ignore[arg-type]
