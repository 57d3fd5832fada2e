"""The recipe of the house's motion network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deghost.data.synthetic import make_scene
from deghost.models.zoo import build_network, load_network
from deghost.train.loop import Trainee, train
from deghost.train.losses import batch_dice_cross_entropy, cross_entropy, dice_of_logits
from deghost.train.processes import Process
from deghost.train.recipes import RECIPES
from deghost.train.recipes_motion import MOTION_NET, VARIED, varied_pairs
from deghost.train.settings import LoopSettings


SMALL = {
    "motion-net@simulated": {"widths": (8, 8)},
    "motion-joint@simulated": {"widths": (8, 8), "inputs": 12, "corrects": True},
    "motion-unet@simulated": {"widths": (4, 8)},
}


@pytest.fixture(scope="module")
def scene(panoramas):
    return make_scene(panoramas, replace(VARIED, size=(128, 128), counts=(3,)), 1, 2)


@pytest.fixture(scope="module")
def pairs(scene):
    return MOTION_NET.prepare(scene, np.random.default_rng(0))


def test_every_frame_but_the_reference_is_described(scene, pairs):
    """In half floats, which are kept in memory; with the true mask of each."""
    others = [k for k in range(3) if k != scene.reference]

    assert pairs.features.dtype == torch.float16
    assert pairs.features.shape == (2, 11, 128, 128)
    assert {m.sum().item() for m in pairs.motion} == {scene.motion[k].sum().item() for k in others}


def test_pairs_are_varied_each_their_own_way(pairs):
    """Colours change places alike in both halves, masks are mirrored with what they lie on."""
    seen = set()
    for seed in range(30):
        varied = varied_pairs(pairs, np.random.default_rng(seed))
        mirrored = not torch.equal(varied.features[0, 6:], pairs.features[0, 6:])
        back = varied.features[0].flip(-1) if mirrored else varied.features[0]
        mask = varied.motion[0].flip(-1) if mirrored else varied.motion[0]
        order = [
            next(k for k in range(3) if torch.equal(plane, pairs.features[0, k]))
            for plane in back[:3]
        ]
        assert torch.equal(mask, pairs.motion[0])
        assert torch.equal(back[3:6], pairs.features[0, 3:6][order])
        assert torch.equal(back[6:], pairs.features[0, 6:])
        seen.add((mirrored, *order))

    assert len(seen) > 8


def test_the_dice_loss_of_a_batch_takes_it_as_one_mask():
    """Moving pixels from one mask to another changes nothing."""
    logits, truth = torch.randn(4, 6, 6), (torch.rand(4, 6, 6) > 0.5).float()

    found = batch_dice_cross_entropy(logits, truth)

    whole = dice_of_logits(logits.reshape(1, 24, 6), truth.reshape(1, 24, 6))
    assert found == pytest.approx(float(0.5 * whole + cross_entropy(logits, truth)), abs=1e-6)


def test_frames_are_described_by_what_is_said_of_all(scene, pairs):
    """The first of the channels is what the other network finds."""
    joint = RECIPES["motion-joint@simulated"].prepare(scene, np.random.default_rng(0))

    with torch.no_grad():
        said = load_network("motion-net")(pairs.features.float()).clamp(-6, 6)
    assert joint.features.shape == (2, 12, 128, 128)
    assert (3 * joint.features[:, 0] - said).abs().mean() < 0.03
    assert torch.equal(joint.motion, pairs.motion)
    for own, other in ((0, 1), (1, 0)):
        for channel in (8, 9, 10):  # of one other the greatest, the least and the mean are one
            assert torch.equal(joint.features[own, channel], joint.features[other, 0])


@pytest.mark.parametrize("name", SMALL)
def test_a_recipe_learns_in_bfloat16_on_the_cpu(name, scene):
    """A few steps on one scene bring the loss down; the weights stay single floats."""
    recipe = RECIPES[name]
    torch.manual_seed(0)
    network = build_network(recipe.network, **SMALL[name])
    network.to(memory_format=torch.channels_last)
    trainee = Trainee(network, torch.optim.AdamW(network.parameters(), 0.01))
    batch = recipe.prepare(scene, np.random.default_rng(0))

    losses = [
        float(step.loss)
        for step in train(
            trainee,
            [batch] * 12,
            recipe.loss,
            LoopSettings(precision="bfloat16"),
            Process(torch.device("cpu")),
        )
    ]

    assert losses[-1] < 0.97 * losses[0]
    assert {p.dtype for p in network.parameters()} == {torch.float32}
