import sys
from types import SimpleNamespace

import pytest
import torch

from deghost.errors import SettingsError
from deghost.evaluate.colour_video_vdp import colour_video_vdp


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "pycvvdp", None)
    picture = torch.rand(3, 16, 16)

    with pytest.raises(SettingsError, match="run pip install cvvdp"):
        colour_video_vdp(picture, picture)


def test_the_package_is_given_light(monkeypatch):
    """The test comes first, in cd/m², on a display of linear light, image by image."""
    calls = []

    class Metric:
        def __init__(self, display_name, quiet, device):
            assert (display_name, quiet) == ("standard_hdr_linear", True)
            assert device == torch.device("cpu")

        def predict(self, test, truth, dim_order):
            calls.append((test, truth, dim_order))
            return torch.tensor(10.0) - len(calls), {}

    monkeypatch.setitem(sys.modules, "pycvvdp", SimpleNamespace(cvvdp=Metric))
    test, truth = torch.rand(1, 2, 3, 8, 9), torch.rand(1, 2, 3, 8, 9)

    scores = colour_video_vdp(test, truth, peak=400.0)

    assert scores.tolist() == [[9, 8]]
    assert torch.equal(calls[1][0], 400 * test[0, 1])
    assert torch.equal(calls[1][1], 400 * truth[0, 1])
    assert calls[1][2] == "CHW"
