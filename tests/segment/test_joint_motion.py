import torch

from deghost.models.motion_net import LOGIT, MotionNet, MotionNetConfig
from deghost.segment.joint_motion import Judgement, joint_features, joint_mask, judge
from deghost.segment.learned_motion import soft_mask


HEIGHT, WIDTH = 300, 40


def judgements(count=3):
    """What is said of frames, at random."""
    generator = torch.Generator().manual_seed(count)

    def rand(*size):
        return torch.rand(*size, HEIGHT, WIDTH, generator=generator)

    return [Judgement((8 * rand() - 4).half(), rand(7).half()) for _ in range(count)]


def fresh():
    """A network that corrects nothing yet."""
    network = MotionNet(MotionNetConfig(inputs=12, corrects=True, widths=(4, 8)))
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.zeros_(network.head.bias)
    return network.eval()


def test_without_corrections_masks_are_what_was_said():
    """Whatever the others say."""
    given = judgements()
    given[1].maps[2] = 1.0

    with torch.inference_mode():
        mask = joint_mask(fresh(), given, 1, 0.5)

    assert torch.allclose(mask, soft_mask(given[1].logits.float(), 0.5), atol=1e-3)


def test_light_that_a_frame_alone_may_show_counts_unless_it_is_contradicted():
    """Odds of one to one are enough for motion elsewhere."""
    (only,) = judgements(1)
    only.logits[:], only.maps[4] = 1.0, 0.0
    only.maps[2, :150], only.maps[2, 150:] = 0.0, 1.0  # what is known clips in the upper half
    only.maps[4, :50] = -1.0  # the frame is darker there than that can be

    with torch.inference_mode():
        mask = joint_mask(fresh(), [only], 0, 0.5)

    assert mask[:50].min() > 0.9
    assert mask[58:150].max() == 0
    assert mask[150:].min() > 0.9


def test_the_order_of_the_others_is_nothing():
    """And what is said of them counts by how much they show."""
    a, b, c = judgements()

    assert torch.allclose(joint_features([a, b, c], 0), joint_features([a, c, b], 0), atol=1e-3)

    b.maps[3], c.maps[3] = 0.0, 1.0
    mean = joint_features([a, b, c], 0)[10]
    assert (mean - c.logits.float() / LOGIT).abs().max() < 0.06


def test_a_frame_alone_is_told_so():
    """There is nothing to learn from others where there are none."""
    (only,) = judgements(1)

    features = joint_features([only], 0)

    assert features.shape == (12, HEIGHT, WIDTH)
    assert features[8:].eq(0).all()


def test_strips_are_joined_where_they_were_cut():
    """What is kept of a pair is what its features say, in every row."""
    features = torch.rand(11, HEIGHT, WIDTH)
    network = MotionNet(MotionNetConfig(widths=(4, 8))).eval()

    with torch.inference_mode():
        judgement = judge(network, lambda first, last: features[:, first:last], HEIGHT)
        whole = network(features[None])[0]

    assert torch.allclose(judgement.logits.float(), whole, atol=0.02)
    assert torch.allclose(judgement.maps[0].float(), features[:3].mean(0), atol=1e-3)
    assert torch.allclose(judgement.maps[2:].float(), features[6:], atol=1e-3)
