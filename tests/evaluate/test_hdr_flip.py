import sys

import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.hdr_flip import hdr_flip


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    picture = torch.rand(3, 16, 16)

    with pytest.raises(SettingsError, match="run pip install flip-evaluator"):
        hdr_flip(picture, picture)


def test_noise_flips():
    """Equal images do not flip, and more noise flips more, image by image."""
    pytest.importorskip("flip_evaluator")
    torch.manual_seed(0)
    truth = 4 * torch.rand(2, 3, 40, 48)
    noise = torch.randn_like(truth)

    near, far = hdr_flip(truth + 0.02 * noise, truth), hdr_flip(truth + 0.4 * noise, truth)

    assert hdr_flip(truth, truth).tolist() == [0, 0]
    assert ((near > 0) & (near < far) & (far < 1)).all()
    assert hdr_flip(truth[1], truth[1]).shape == ()


@pytest.mark.parametrize(
    ("truth", "message"), [(0.0, "black truth"), (torch.nan, "not finite; mend them")]
)
def test_what_would_end_the_program_is_refused(truth, message):
    """The package exits where it cannot choose exposures."""
    pytest.importorskip("flip_evaluator")

    with pytest.raises(SettingsError, match=message):
        hdr_flip(torch.rand(3, 16, 16), torch.full((3, 16, 16), truth))
