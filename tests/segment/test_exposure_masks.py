from dataclasses import replace
from typing import get_args

import pytest
import torch

from deghost.radiometry.noise import NoiseModel
from deghost.radiometry.response import encode
from deghost.segment.exposure import MASKS
from deghost.segment.exposure_masks import EXPOSURE_SEGMENTERS, ExposedFrame
from deghost.segment.segmenters import ExposureSegmenter


@pytest.fixture
def ramp():
    """A dark frame whose light rises from nothing to clipping, from left to right."""
    linear = torch.logspace(-5, 0, 96, base=10).expand(3, 32, 96).contiguous()
    trust = (linear < 0.99).float()
    return ExposedFrame(encode(linear, "srgb"), linear, trust, NoiseModel(1e-4, 1e-6), "dark")


@pytest.mark.parametrize("method", get_args(ExposureSegmenter))
def test_every_method_has_a_mask_in_range(method, ramp):
    """Each method of the list gives a mask of the frame's size between 0 and 1."""
    mask = EXPOSURE_SEGMENTERS[method](ramp)

    assert mask.shape == (32, 96)
    assert 0 <= float(mask.amin()) <= float(mask.amax()) <= 1


def test_physical_masks_leave_out_both_ends(ramp):
    """What is clipped and what is buried count for nothing by rule and by network."""
    for method in ("classical", "learned"):
        mask = EXPOSURE_SEGMENTERS[method](ramp)

        assert float(mask[:, :20].mean()) < 0.2  # light below 1e-4, a tenth of a deviation
        assert float(mask[:, 65:85].mean()) > 0.9  # 0.003 to 0.02 and more
        assert float(mask[:, -1].mean()) < 0.5


@pytest.mark.parametrize("rule", MASKS)
def test_rules_of_the_papers_know_dark_and_bright(rule, ramp):
    """They follow the side of a frame, and leave the reference whole."""
    method = EXPOSURE_SEGMENTERS[rule]

    assert torch.equal(method(ramp), MASKS[rule](ramp.codes, "dark"))
    assert torch.equal(method(replace(ramp, side="bright")), MASKS[rule](ramp.codes, "bright"))
    assert method(replace(ramp, side=None)).eq(1).all()
    assert EXPOSURE_SEGMENTERS["exposure-unet"](replace(ramp, side=None)).eq(1).all()
