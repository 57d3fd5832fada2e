import pytest
import torch

from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.segment.bracket_masks import ones_mask, with_masks
from deghost.segment.exposure import MASKS


@pytest.fixture
def batch():
    exposures = torch.tensor([[1.0, 4.0, 16.0]]).expand(2, 3).contiguous()
    light = torch.rand(2, 1, 3, 9, 14, generator=torch.Generator().manual_seed(1))
    linear = (light * exposures.view(2, 3, 1, 1, 1) / 8).clamp(max=1)
    return BracketBatch(pack_srgb6(linear, exposures), exposures, 1)


@pytest.mark.parametrize("kind", MASKS)
def test_each_frame_is_masked_by_its_side(kind, batch):
    """Frames before the reference are dark, those after it bright; it is believed everywhere."""
    masked = with_masks(batch, MASKS[kind])

    for bracket, masks in zip(batch.frames, masked.masks, strict=True):
        assert torch.equal(masks[0], MASKS[kind](bracket[0, :3], "dark"))
        assert masks[1].eq(1).all()
        assert torch.equal(masks[2], MASKS[kind](bracket[2, :3], "bright"))
    assert torch.equal(masked.frames, batch.frames)


def test_ones_believe_everything(batch):
    """The mask that masks are compared with."""
    assert with_masks(batch, ones_mask).masks.eq(1).all()
