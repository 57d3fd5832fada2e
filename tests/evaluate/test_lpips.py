import numpy as np
import pytest
import torch
from torch.nn import functional

from deghost.errors import SettingsError, WeightsError
from deghost.evaluate.lpips import load_lpips, load_lpips_like
from deghost.evaluate.lpips_networks import ALEX, SQUEEZE, VGG16


ALEX_SHAPES = {
    0: (64, 3, 11),
    3: (192, 64, 5),
    6: (384, 192, 3),
    8: (256, 384, 3),
    10: (256, 256, 3),
}
BACKBONES = {"alex": ALEX, "vgg": VGG16, "like": SQUEEZE}


def random(*shape, spread=1.0):
    return torch.randn(*shape) * spread


@pytest.fixture
def files(tmp_path):
    """A function that writes random weights of a network and of its heads, and reads them."""

    def write(name):
        torch.manual_seed(0)
        backbone = BACKBONES[name]
        state = {
            f"features.{key}": random(*part.shape, spread=part[0].numel() ** -0.5)
            for key, part in backbone.build().state_dict().items()
        }
        state["classifier.1.weight"] = torch.ones(4)
        heads = {
            f"lin{number}.model.1.weight": torch.rand(1, width, 1, 1)
            for number, width in enumerate(backbone.widths)
        }
        torch.save(state, tmp_path / "net.pth")
        torch.save(heads, tmp_path / "heads.pth")
        return state, list(heads.values())

    return write


def load(name, folder):
    paths = folder / "net.pth", folder / "heads.pth"
    return load_lpips_like(*paths) if name == "like" else load_lpips(name, *paths)


def alexnet(codes, state):
    """AlexNet's five maps of features, written out from its paper's numbers."""
    maps, features = codes, []
    for number, stride, padding in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
        if number in (3, 6):
            maps = functional.max_pool2d(maps, 3, 2)
        weights = (state[f"features.{number}.{kind}"] for kind in ("weight", "bias"))
        maps = functional.conv2d(maps, *weights, stride=stride, padding=padding).relu()
        features.append(maps[0].numpy().astype(np.float64))
    return features


def test_alexnet_by_hand(files, tmp_path):
    """Unit features, squared differences, heads, means over places, sums over layers."""
    state, heads = files("alex")
    assert {n: tuple(state[f"features.{n}.weight"].shape[:3]) for n in ALEX_SHAPES} == ALEX_SHAPES
    pair = torch.rand(2, 3, 64, 80)
    shift = torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1)
    first, second = (alexnet(((2 * codes - 1 - shift) / scale)[None], state) for codes in pair)
    expected = 0.0
    for one, other, head in zip(first, second, heads, strict=True):
        units = [maps / (np.sqrt((maps**2).sum(0)) + 1e-10) for maps in (one, other)]
        error = (units[0] - units[1]) ** 2
        expected += (error * head[0].numpy()).sum(0).mean()

    lpips = load("alex", tmp_path)

    assert lpips.name == "lpips-alex"
    assert lpips(*pair).item() == pytest.approx(expected, rel=1e-5)


def test_vgg_has_the_layers_of_torchvision():
    """Convolutions lie at the places that torchvision's names give them."""
    places = [key for key in VGG16.build().state_dict() if key.endswith("weight")]

    assert [int(key.split(".")[0]) for key in places] == [
        *(0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    ]


def test_squeezenet_has_the_layers_of_torchvision():
    """Its fire modules are numbered 3, 4, 6, 7 and 9 to 12, with torchvision's names inside."""
    state = SQUEEZE.build().state_dict()

    assert {int(key.split(".")[0]) for key in state} == {0, 3, 4, 6, 7, 9, 10, 11, 12}
    assert state["11.squeeze.weight"].shape == (64, 384, 1, 1)
    assert state["11.expand3x3.weight"].shape == (256, 64, 3, 3)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_distance(files, tmp_path, name):
    """Equal pictures are 0 apart, order does not matter, and more noise is further."""
    files(name)
    lpips = load(name, tmp_path)
    truth = torch.rand(2, 3, 40, 44)
    noise = torch.randn_like(truth)

    near, far = lpips(truth + 0.02 * noise, truth), lpips(truth + 0.2 * noise, truth)

    assert lpips(truth, truth).tolist() == [0, 0]
    assert (near > 0).all()
    assert (near < far).all()
    assert torch.allclose(lpips(truth, truth + 0.2 * noise), far, rtol=1e-5)
    assert torch.allclose(lpips(truth[1] + 0.2 * noise[1], truth[1]), far[1], rtol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_gradients_pass(files, tmp_path, name):
    """LPIPS can be a loss: gradients reach the picture, and the weights need none."""
    files(name)
    test = torch.rand(3, 40, 40, requires_grad=True)

    load(name, tmp_path)(test, torch.zeros(3, 40, 40)).backward()

    assert test.grad.isfinite().all()
    assert test.grad.any()


def test_caffes_network_sees_blue_first(files, tmp_path):
    """It is given B, G, R from 0 to 255 less 104, 117, 123, and is never called LPIPS."""
    state, _ = files("like")
    lpips = load("like", tmp_path)
    codes = torch.rand(1, 3, 32, 32)
    shown = 255 * codes.flip(1) - torch.tensor([104.0, 117.0, 123.0]).view(3, 1, 1)
    weights = (state[f"features.0.{kind}"] for kind in ("weight", "bias"))
    maps = functional.conv2d(shown, *weights, stride=2).relu()
    expected = maps / maps.square().sum(1, keepdim=True).sqrt()

    assert lpips.name == "lpips-like"
    assert torch.allclose(lpips._features(codes)[0], expected, atol=1e-4)


def test_weights_of_another_network_are_refused(files, tmp_path):
    """VGG-16 cannot be read from AlexNet's file."""
    files("alex")

    with pytest.raises(WeightsError, match=r"net.pth: features.0.weight is 64x3x11x11 but not 64x"):
        load("vgg", tmp_path)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_picture_too_small_for_the_network_is_refused(files, tmp_path, name):
    """The smallest size works, and one pixel less is named."""
    files(name)
    lpips = load(name, tmp_path)
    least = BACKBONES[name].smallest
    picture = torch.rand(3, least, least)

    assert lpips(picture, picture) == 0
    with pytest.raises(SettingsError, match=f"too small: .* needs {least} each way"):
        lpips(picture[:, 1:], picture[:, 1:])
