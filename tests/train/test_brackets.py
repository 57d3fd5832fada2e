"""Scenes as batches, cut and turned."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.errors import TrainError
from deghost.train.batches import batch_size, joined, moved
from deghost.train.brackets import as_batch, cropped, turned


@pytest.fixture(scope="module")
def scene(panoramas):
    settings = SceneSettings(size=(40, 48), hold=("tripod",), bits=(16,), iso=(100.0, 101.0))
    return make_scene(panoramas, settings, 1, 2)


def test_a_batch_shows_the_scene(scene):
    """Codes and radiance stand side by side, in the scale of the truth."""
    batch = as_batch(scene)

    codes, radiance = batch.bracket.frames[0].chunk(2, dim=1)
    rebuilt = codes**2.2 / batch.bracket.exposures[0].view(-1, 1, 1, 1)
    seen = (scene.well_exposed > 0.99) & (scene.motion < 0.01)
    error = ((radiance - batch.truth).abs() / (batch.truth + 1e-3)).amax(1)

    assert batch.bracket.frames.shape == (1, 3, 6, 40, 48)
    assert batch.bracket.exposures[0, 0] == 1
    assert torch.allclose(rebuilt, radiance, atol=1e-4)
    assert error[seen].median() < 0.1


def test_the_scale_is_that_of_the_darkest_frame(scene):
    """A scene in another scale, as of the NTIRE layout, gives the same batch."""
    scaled = replace(scene, exposures=scene.exposures / 4, truth=scene.truth * 4)

    first, second = as_batch(scene), as_batch(scaled)

    assert torch.allclose(first.truth, second.truth)
    assert torch.allclose(first.bracket.frames, second.bracket.frames)


def test_a_mosaic_is_packed_as_it_is(panoramas):
    """Four channels of radiance, no codes."""
    settings = SceneSettings(size=(40, 48), layout="raw")

    batch = as_batch(make_scene(panoramas, settings, 1, 2))

    assert batch.bracket.frames.shape == (1, 3, 4, 20, 24)


def test_without_truth_nothing_is_learned(scene):
    """The scene is named."""
    with pytest.raises(TrainError, match=f"{scene.name} has no truth"):
        as_batch(replace(scene, truth=None))


def test_a_crop_cuts_everything_alike(scene):
    """Frames, masks and a truth of twice the size show the same window."""
    ramp = torch.arange(40.0 * 48).view(1, 40, 48) / 2000
    marked = replace(
        scene,
        frames=ramp.expand(3, 3, 40, 48),
        motion=ramp.expand(3, 40, 48),
        truth=ramp.expand(3, 40, 48).repeat_interleave(2, -1).repeat_interleave(2, -2),
    )

    cut = cropped(marked, (16, 8), np.random.default_rng(0))

    assert cut.frames.shape == (3, 3, 16, 8)
    assert torch.equal(cut.frames[:, 0], cut.motion)
    assert torch.equal(cut.truth[:, ::2, ::2], cut.frames[0])
    with pytest.raises(TrainError, match="48 x 40, smaller"):
        cropped(scene, (64, 64), np.random.default_rng(0))


def test_turning_keeps_frames_and_masks_together(scene):
    """Whatever the turn, the mask still lies on what moved; all eight turns occur."""
    ramp = torch.arange(40.0 * 48).view(1, 40, 48) / 2000
    marked = replace(scene, frames=ramp.expand(3, 3, 40, 48), motion=ramp.expand(3, 40, 48))

    seen = set()
    for seed in range(60):
        result = turned(marked, np.random.default_rng(seed))
        assert torch.equal(result.frames[:, 1], result.motion)
        seen.add((tuple(result.frames.shape[-2:]), *result.frames[0, 0, [0, -1], [0, -1]].tolist()))
        seen.add(float(result.frames[0, 0, 0, 0]))

    assert len({s for s in seen if isinstance(s, float)}) == 4


def test_batches_are_joined_and_moved(scene):
    """Records within records are joined tensor by tensor; what differs otherwise is refused."""
    batch = as_batch(scene)

    both = moved(joined([batch, batch]), torch.device("cpu"))

    assert both.bracket.frames.shape[0] == batch_size(both) == 2
    assert both.bracket.reference == batch.bracket.reference
    with pytest.raises(ValueError, match="cannot hold both"):
        other = replace(batch, bracket=replace(batch.bracket, reference=0))
        joined([batch, other])
