import cv2
import numpy as np
import torch

from deghost.evaluate.rounding import ROUNDINGS, as_16_bit, as_ntire_png, as_rgbe


def test_rgbe_loses_what_a_file_of_opencv_loses(tmp_path):
    """A picture written and read as .hdr by OpenCV is the rounded one, to the last bit."""
    generator = torch.Generator().manual_seed(4)
    picture = torch.rand(3, 40, 50, generator=generator) ** 6 * 3
    picture[:, 0, 0] = 0
    pixels = np.ascontiguousarray(picture.permute(1, 2, 0).numpy()[..., ::-1])
    path = tmp_path / "picture.hdr"
    cv2.imwrite(str(path), pixels)

    read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]

    assert np.array_equal(as_rgbe(picture).permute(1, 2, 0).numpy(), read)


def test_rounding_twice_changes_nothing_more():
    """A result that was read from such a file is left as it is."""
    picture = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(5))
    for name, rounded in ROUNDINGS.items():
        once = rounded(picture)

        assert torch.allclose(rounded(once), once, atol=1e-7 if name == "ntire-png" else 0), name


def test_rgbe_gives_no_negative_light():
    """Negative values, which such a file cannot hold, become black."""
    assert as_rgbe(torch.tensor([-1.0, 0.5, -0.1]).view(3, 1, 1)).flatten().tolist() == [0, 0.5, 0]


def test_a_challenge_result_is_within_half_a_code():
    """The brightest value is kept, the others are off by half a step of 65535 at most."""
    picture = 3 * torch.rand(3, 20, 20, generator=torch.Generator().manual_seed(6))

    rounded = as_ntire_png(picture)

    assert torch.isclose(rounded.max(), picture.max())
    assert (rounded - picture).abs().max() <= 0.501 * picture.max() / 65535


def test_a_black_challenge_result_stays_black():
    """Where nothing is bright, nothing is divided by zero."""
    assert as_ntire_png(torch.zeros(3, 2, 2)).abs().max() == 0


def test_sixteen_bits_are_cut_off():
    """Codes are truncated as by a cast to integers: 0.99999 of a code is code 0."""
    assert as_16_bit(torch.full((3, 1, 1), 0.999 / 65535)).max() == 0
