from contextlib import nullcontext

import torch

from deghost.models.zoo import load_network
from deghost.segment import learned_motion
from deghost.segment.learned_motion import compressed, expanded, learned_mask, motion_features


def described(height=300, width=96):
    """Features of a frame in which a bright patch has come, with a little noise."""
    generator = torch.Generator().manual_seed(3)
    known = 0.1 + 0.3 * torch.rand(3, height // 12, width // 12, generator=generator)
    known = known.repeat_interleave(12, 1).repeat_interleave(12, 2)
    frame = known + 0.005 * torch.randn(known.shape, generator=generator)
    frame[:, 200:260, 20:60] = 0.8
    variance, trust = torch.full_like(known, 2.5e-5), torch.ones(1, height, width)
    return motion_features((known, variance, trust), (frame, variance, trust))


def mask_of(features, strength=0.5):
    network = load_network("motion-net")
    with torch.inference_mode():
        return learned_mask(
            network, lambda first, last: features[:, first:last], features.shape[1], strength
        )


def test_what_came_is_found():
    """And nothing else."""
    mask = mask_of(described())

    assert mask[205:255, 25:55].mean() > 0.9
    assert mask[:180].mean() < 0.02


def test_short_numbers_change_masks_little(monkeypatch):
    """What the machine makes in its fast format is the same mask."""
    fast = mask_of(described())
    monkeypatch.setattr(learned_motion, "short_numbers", lambda device: nullcontext())
    exact = mask_of(described())

    assert (fast - exact).abs().max() < 0.1
    assert (fast - exact).abs().mean() < 1e-3


def test_more_strength_finds_more():
    """Pixel by pixel."""
    weak, strong = mask_of(described(), 0.3), mask_of(described(), 0.7)

    assert (strong >= weak).all()
    assert strong.mean() > weak.mean()


def test_compression_is_undone():
    """Over ten stops and beyond."""
    light = torch.logspace(-4, 0.6, 50)

    assert torch.allclose(expanded(compressed(light)), light, rtol=1e-4)
