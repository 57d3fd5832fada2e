import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.comparable import comparable
from deghost.evaluate.hdrvdp2 import hdrvdp2_as
from deghost.evaluate.metrics import METRICS


TRUTH = torch.rand(3, 170, 180, generator=torch.Generator().manual_seed(1))
BAD = {
    "pictures of 180x1 and 180x170 pixels cannot be compared; make them one size": TRUTH[:, :1],
    "pictures of 1x170x180 and 3x170x180 cannot be compared": TRUTH[:1],
    "pictures of 1x3x170x180 and 3x170x180 cannot be compared": TRUTH[None],
    "a picture holds uint8; give floating-point values": (TRUTH * 255).byte(),
    "a picture has values that are not finite": TRUTH / torch.zeros(()),
    "a picture is a ndarray; give a torch.Tensor": TRUTH.numpy(),
}


@pytest.mark.parametrize("name", METRICS)
def test_no_metric_gives_a_number_for_what_cannot_be_compared(name):
    """Whichever of the two is wrong; nothing is stretched, cut or taken for light."""
    for message, bad in BAD.items():
        with pytest.raises(SettingsError, match=message):
            METRICS[name](bad, TRUTH)
        with pytest.raises(SettingsError, match="picture"):
            METRICS[name](TRUTH, bad)
    with pytest.raises(SettingsError, match="170x180x3 is no RGB picture; give 3 x height x width"):
        METRICS[name](*[TRUTH.permute(1, 2, 0)] * 2)


@pytest.mark.parametrize("name", ["psnr-mu", "ssim-mu", "psnr-reinhard", "psnr-pu21", "hdr-vdp-2"])
def test_half_floats_are_compared_in_single_precision(name):
    """The score is that of the same values as single floats; double ones stay double."""
    half = (0.9 * TRUTH).half()

    score = METRICS[name](half, TRUTH.half())

    assert score.dtype == torch.float32
    assert torch.equal(score, METRICS[name](half.float(), TRUTH.half().float()))
    assert METRICS[name](half.double(), TRUTH).dtype == torch.float64


def test_hdr_vdp_2_asks_the_same():
    """Before it scales a picture, which half floats would not survive."""
    half = (0.9 * TRUTH[:, :40, :40]).half()

    assert hdrvdp2_as("bt709", half, TRUTH[:, :40, :40]).quality < 100
    with pytest.raises(SettingsError, match="pictures of 180x170 and 40x40 pixels"):
        hdrvdp2_as("bt709", TRUTH, half)


def test_names_of_arguments_are_kept():
    """Test and truth may be given by name, and settings after them."""
    given = METRICS["psnr-l"](truth=TRUTH, test=TRUTH + 0.1, peak=2.0)

    assert given.item() == pytest.approx(26.02, abs=0.01)


def test_nothing_is_no_picture():
    """Of no pixels, there is no mean."""
    with pytest.raises(SettingsError, match="a picture of 3x0x4 has no pixels"):
        comparable(torch.ones(3, 0, 4), torch.ones(3, 0, 4))
    with pytest.raises(SettingsError, match="a picture of one number has no pixels"):
        comparable(torch.ones(()), torch.ones(()))
