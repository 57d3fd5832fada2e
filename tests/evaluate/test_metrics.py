import pytest
import torch

from deghost.evaluate.hdrvdp2 import hdrvdp2_as
from deghost.evaluate.hdrvdp2_display import PRESETS
from deghost.evaluate.metrics import EXTRA_METRICS, LOWER_IS_BETTER, METRICS


@pytest.mark.parametrize("name", METRICS)
def test_metrics_prefer_the_better_picture(name, large_pair):
    """Of two pictures in a batch, the one with half the error is the better one."""
    test, truth = (picture.float().clamp(0.002, 1)[:, :, :180] for picture in large_pair)
    better = (test + truth) / 2

    scores = METRICS[name](torch.stack([test, better]), torch.stack([truth, truth]))

    assert scores.shape == (2,)
    assert scores[0] < scores[1]


def test_hdr_vdp_2_stands_for_every_viewing(pair):
    """Its values are the qualities of the presets, and the plain name is that of SAFNet."""
    test, truth = (picture.float() for picture in pair)

    for viewing in PRESETS:
        expected = hdrvdp2_as(viewing, test, truth).quality
        assert METRICS[f"hdr-vdp-2-{viewing}"](test, truth).item() == pytest.approx(expected)
    plain = METRICS["hdr-vdp-2"](test, truth)
    assert torch.equal(plain, METRICS["hdr-vdp-2-safnet"](test, truth))


def test_names_are_used_once():
    """Extra metrics have names of their own; those that fall are known."""
    assert not METRICS.keys() & EXTRA_METRICS.keys()
    assert not any(name.startswith(LOWER_IS_BETTER) for name in METRICS)
    assert "hdr-flip".startswith(LOWER_IS_BETTER)
