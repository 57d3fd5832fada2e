import pytest
import torch

from deghost.evaluate.ms_ssim import ms_ssim
from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.models.segdeghost import ABLATIONS, SegDeghost, SegDeghostConfig
from deghost.train.brackets import TruthBatch
from deghost.train.losses import dice, mu_l2
from deghost.train.losses_segdeghost import (
    TONE_MAPPED,
    TRAININGS,
    SegDeghostTraining,
    ms_ssim_loss,
    segdeghost_loss,
    tone_mapped,
)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    exposures = torch.tensor([[1.0, 4.0, 16.0]])
    linear = torch.rand(1, 3, 3, 24, 24, generator=generator)
    motion = (torch.rand(1, 3, 24, 24, generator=generator) > 0.7).float()
    truth = torch.rand(1, 3, 24, 24, generator=generator)
    return TruthBatch(BracketBatch(pack_srgb6(linear, exposures), exposures, 1), truth, motion)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return SegDeghost(SegDeghostConfig(fusion_depth=1, stack_depth=1, motion_widths=(4, 8)))


@pytest.mark.parametrize("name", TONE_MAPPED)
def test_losses_are_zero_for_the_truth_and_send_gradient(name):
    """The truth costs nothing, anything else something, and every pixel hears of it."""
    truth = torch.rand(1, 3, 24, 24)
    found = (truth + 0.1).requires_grad_()

    loss = tone_mapped(found, truth, name)
    loss.backward()

    assert tone_mapped(truth, truth, name) < 1e-6
    assert loss > 0
    assert (found.grad != 0).float().mean() > 0.99


def test_five_scales_are_those_of_the_metric():
    """On images that hold all five scales the loss is 1 less the metric."""
    generator = torch.Generator().manual_seed(1)
    truth = torch.rand(1, 3, 161, 161, generator=generator)
    found = truth + 0.1 * torch.rand(truth.shape, generator=generator)

    expected = torch.stack([1 - ms_ssim(found[:, [c] * 3], truth[:, [c] * 3]) for c in range(3)])

    assert torch.allclose(ms_ssim_loss(found, truth), expected.mean(), atol=1e-5)


def test_the_loss_is_that_of_the_paper(network, batch):
    """Alpha times the Dice losses of both motion maps, beta times the squared error, toned."""
    loss = segdeghost_loss(network, batch, alpha=0.5, beta=2.0)

    made = network(batch.bracket)
    motion = made.maps["motion"]
    both = dice(motion[:, 0], batch.motion[:, 0]) + dice(motion[:, 2], batch.motion[:, 2])
    expected = 0.5 * both + 2.0 * mu_l2(made.radiance, batch.truth)
    assert torch.allclose(loss, expected)


def test_stages_follow_each_other():
    """First the masks count, after a quarter of the steps (50 of 200 epochs) the picture."""
    (start, early), (later, late) = SegDeghostTraining().losses()

    assert (start, later) == (0, 0.25)
    assert (early.keywords["alpha"], early.keywords["beta"]) == (1.0, 1e-4)
    assert (late.keywords["alpha"], late.keywords["beta"]) == (1e-2, 1.0)


def test_ablations_of_training_name_ablations_and_losses():
    """A1 has no loss on masks; A1 and A2 start from nothing; every loss can be chosen."""
    assert set(TRAININGS) == {"A1", "A2", *TONE_MAPPED}
    assert {"A1", "A2"} < set(ABLATIONS)
    assert [alpha for _, alpha, _ in TRAININGS["A1"].stages] == [0]
    assert not TRAININGS["A1"].pretrained
    assert not TRAININGS["A2"].pretrained


def test_without_masks_the_picture_alone_counts(batch):
    """A network that knows no motion is trained all the same."""
    torch.manual_seed(1)
    network = SegDeghost(SegDeghostConfig(masks="none"))

    loss = segdeghost_loss(network, batch, alpha=1.0, beta=1.0)

    assert torch.allclose(loss, mu_l2(network(batch.bracket).radiance, batch.truth))
