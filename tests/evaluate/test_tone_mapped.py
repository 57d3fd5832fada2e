import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deghost.errors import SettingsError
from deghost.evaluate.metrics import METRICS
from deghost.evaluate.tone_mapped import TONES, psnr_shown, ssim_shown
from deghost.radiometry.tonemap import tone_map


@pytest.fixture
def scene(pair):
    """The waves as light of eight stops, in single precision."""
    return tuple(picture.float().clamp(0, 1).mul(8).exp2() / 256 for picture in pair)


@pytest.mark.parametrize("tone", TONES)
def test_scikit_image_agrees_on_the_pictures_shown(scene, tone):
    """What is compared is each picture as the operator shows it by itself."""
    test, truth = (tone_map(light, tone).permute(1, 2, 0).double().numpy() for light in scene)

    decibels = peak_signal_noise_ratio(truth, test, data_range=1.0)
    similarity = structural_similarity(
        truth,
        test,
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        use_sample_covariance=False,
    )

    assert psnr_shown(*scene, tone).item() == pytest.approx(decibels, abs=1e-4)
    assert ssim_shown(*scene, tone).item() == pytest.approx(similarity, abs=1e-6)


def test_reinhard_by_hand():
    """A flat picture is shown as its key: 0.18 (1 + 0.18 / 0.18²) / 1.18, which is 1."""
    light = torch.full((3, 4, 4), 7.0)

    assert tone_map(light, "reinhard").mean().item() == pytest.approx(1.0, abs=1e-5)
    assert psnr_shown(light / 3, light, "reinhard").item() > 90


@pytest.mark.parametrize("tone", TONES)
def test_the_scale_of_both_does_not_matter(scene, tone):
    """The operators adapt: twice the light on both sides changes nothing that is seen."""
    bright = tuple(2 * light for light in scene)

    assert psnr_shown(*bright, tone).item() == pytest.approx(
        psnr_shown(*scene, tone).item(), abs=0.02
    )


def test_a_batch_is_shown_image_by_image(scene):
    """Each image of a batch is mapped by its own numbers."""
    test, truth = scene
    batch = torch.stack([test, 50 * test])[None], torch.stack([truth, truth])[None]

    scores = METRICS["psnr-durand"](*batch)

    assert scores.shape == (1, 2)
    assert scores[0, 0].item() == pytest.approx(psnr_shown(test, truth, "durand").item(), abs=1e-4)
    assert scores[0, 1].item() == pytest.approx(scores[0, 0].item(), abs=0.05)


def test_an_unknown_operator_is_refused(scene):
    """The message lists those that exist."""
    with pytest.raises(SettingsError, match="no tone mapping 'magic'; there are: .*reinhard"):
        psnr_shown(*scene, "magic")
