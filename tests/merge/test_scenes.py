import numpy as np
import pytest
import torch
from torch.nn import functional

from deghost.errors import SettingsError
from deghost.merge.scenes import (
    bracket_of,
    merge_scene,
    plan_scene,
    scene_response,
    stored_codes,
)
from deghost.merge.settings import MergeSettings
from deghost.types import Scene


EXPOSURES = torch.tensor([1.0, 4.0, 16.0])
STILL = MergeSettings(method="weighted", deghost=0.0, align="none")


def radiance(seed=0, size=(48, 64)):
    """A smooth scene of four stops, of which every frame shows something."""
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return 0.04 * 2 ** (4 * functional.interpolate(coarse, size, mode="bicubic")[0].clamp(0, 1))


def scene_of(views, bits=16, **known):
    white = 2**bits - 1
    frames = torch.stack([(v * e).clamp(0, 1) for v, e in zip(views, EXPOSURES, strict=True)])
    codes = (frames ** (1 / 2.2) * white).round() / white
    return Scene("still", codes, EXPOSURES, 1, **known)


def test_a_still_scene_comes_back_in_the_scale_of_its_truth():
    """Exposure 1 clips at 1.0, whatever the reference is, and on every pixel."""
    truth = radiance()

    merged = merge_scene(scene_of([truth] * 3), STILL)

    assert merged.shape == truth.shape
    assert torch.allclose(merged, truth, rtol=0.01)


@pytest.mark.parametrize("reference", [0, 1, 2])
def test_the_reference_does_not_change_the_scale(reference):
    """The same radiance, whichever frame things are taken from."""
    truth = radiance(seed=1)
    scene = scene_of([truth] * 3)
    other = Scene("still", scene.frames, EXPOSURES, reference)

    assert (merge_scene(other, STILL) / truth).median().item() == pytest.approx(1, abs=0.01)


def test_known_masks_take_the_place_of_found_ones():
    """A thing that is marked as moved leaves no ghost; unmarked, it does."""
    truth = radiance(seed=2)
    views = [truth.clone() for _ in range(3)]
    views[2][:, 10:30, 10:30] = 0.05
    motion = torch.zeros(3, 48, 64)
    motion[2, 10:30, 10:30] = 1

    ghost, clean = (merge_scene(scene_of(views), STILL, masks) for masks in (None, motion))

    inside = (slice(None), slice(12, 28), slice(12, 28))
    assert (ghost - truth)[inside].abs().mean() > 5 * (clean - truth)[inside].abs().mean()


def test_masks_of_large_scenes_are_reduced_to_the_proxy(monkeypatch):
    """Above two megapixels masks are averaged over the blocks of the proxy."""
    monkeypatch.setattr("deghost.merge.proxy.PROXY_PIXELS", 48 * 64 / 4)
    truth = radiance(seed=3)
    views = [truth, truth, truth.clone()]
    views[2][:, 8:40, 8:56] = 0.05
    motion = torch.zeros(3, 48, 64)
    motion[2, 8:40, 8:56] = 1

    merged = merge_scene(scene_of(views), STILL, motion)

    assert torch.allclose(merged[:, 16:32, 16:48], truth[:, 16:32, 16:48], rtol=0.03)


def test_codes_keep_their_depth():
    """What was an 8-bit file is merged as one, bit for bit; everything else has 16 bits."""
    eight = torch.arange(256).view(1, 16, 16).expand(3, -1, -1) / 255

    assert stored_codes(eight).dtype == np.uint8
    assert np.array_equal(stored_codes(eight)[..., 0].ravel(), np.arange(256))
    assert stored_codes(eight * 0.999).dtype == np.uint16
    assert [f.pixels.dtype for f in bracket_of(scene_of([radiance()] * 3, bits=8)).frames] == [
        np.uint8
    ] * 3


def test_a_measured_curve_is_used_as_it_is():
    """A scene's own table stands before the name of its response."""
    curve = torch.linspace(0, 1, 256).square().expand(3, -1)
    truth = radiance(seed=4)
    frames = torch.stack([(truth * e).clamp(0, 1).sqrt() for e in EXPOSURES])
    scene = Scene("own", frames, EXPOSURES, 1, "measured", curve=curve)

    assert scene_response(scene).table.shape == (3, 256)
    assert torch.allclose(merge_scene(scene, STILL), truth, rtol=0.02)


def test_a_mosaic_is_refused():
    """What has four channels is no picture yet."""
    mosaic = Scene("raw", torch.zeros(2, 4, 8, 8), torch.tensor([1.0, 4.0]), 0, "linear")

    with pytest.raises(SettingsError, match="raw is a packed mosaic"):
        merge_scene(mosaic, STILL)


@pytest.mark.parametrize("method", ["weighted", "deghostnet"])
def test_a_frame_shot_with_the_cap_on_is_named_and_does_no_harm(method):
    """It claims that all is black, also what clips in the others."""
    lamps = torch.rand(1, 1, 24, 32, generator=torch.Generator().manual_seed(0)) > 0.85
    lamps = functional.interpolate(lamps.float(), (192, 256))[0]
    truth = 0.1 * radiance(seed=2, size=(192, 256)) + lamps * torch.tensor(
        [[[0.9]], [[0.7]], [[0.5]]]
    )
    scene = scene_of([0 * truth, truth, truth], bits=8)
    settings = MergeSettings(method=method, motion="learned", align="none")

    notes = plan_scene(scene, settings)[1].notes
    merged = merge_scene(scene, settings)

    assert "frame 0 (frame 0) is all clipped or buried in noise: leave it out" in notes
    shown = truth.clamp(max=1 / EXPOSURES[1])  # all that the reference can show
    assert (merged >= 0.7 * shown).float().mean() > 0.999
