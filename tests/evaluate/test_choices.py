from dataclasses import replace

import pytest
import torch
from torch import nn

from deghost.errors import SettingsError, WeightsError
from deghost.evaluate import choices
from deghost.evaluate.choices import LpipsFiles, choose
from deghost.evaluate.demosaic import demosaic_linear
from deghost.evaluate.lpips import Lpips
from deghost.evaluate.lpips_networks import ALEX
from deghost.evaluate.metrics import METRICS
from deghost.radiometry.tonemap import mu_law


def test_a_protocol_is_taken_whole_or_in_part():
    """Its own columns, some of them, or any other metric of light, in the order asked for."""
    whole = choose("deghost-bench", ())
    some = choose("deghost-bench", ("psnr-l", "ssim-mu-matlab", "psnr-mu"))

    assert list(whole.protocol.metrics) == [
        *("psnr-mu", "psnr-l", "ssim-mu", "hdr-vdp-2", "psnr-pu21")
    ]
    assert list(some.protocol.metrics) == ["psnr-l", "ssim-mu-matlab", "psnr-mu"]
    assert some.protocol.masked == ("psnr-mu", "psnr-l")


def test_a_protocols_own_metric_goes_before_the_general_one():
    """HDR-VDP-2 of the benchmark is that of its own screen."""
    found = choose("deghost-bench", ("hdr-vdp-2",)).protocol.metrics["hdr-vdp-2"]

    assert found is choose("deghost-bench", ()).protocol.metrics["hdr-vdp-2"]
    assert found is not METRICS["hdr-vdp-2"]


def test_protocols_of_codes_have_only_their_own():
    """PSNR-L of gamma codes would be a lie."""
    with pytest.raises(SettingsError, match="ntire21 has no metric 'psnr-l'; there are: psnr, psn"):
        choose("ntire21", ("psnr-l",))


def test_a_missing_package_is_told_at_once(monkeypatch):
    """Not once for every picture."""

    def missing(test, truth):
        raise SettingsError("run pip install it")

    monkeypatch.setitem(choices.EXTRA_METRICS, "hdr-flip", missing)

    with pytest.raises(SettingsError, match="pip install"):
        choose("kalantari", ("hdr-flip",))


def test_lpips_is_one_more_column(monkeypatch, tmp_path):
    """Of mu-law codes where a protocol compares light; its weights are part of the run."""
    backbone = replace(ALEX, taps=(0,), smallest=1)
    distance = Lpips("lpips-alex", backbone, nn.Sequential(nn.Identity()), (torch.ones(3),))
    monkeypatch.setattr(choices, "load_lpips", lambda network, *paths: distance)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"weights")
    paths = (tmp_path / "a", tmp_path / "b")

    choice = choose("kalantari", ("psnr-mu",), LpipsFiles(alex=paths))
    metric = choice.protocol.metrics["lpips-alex"]
    white, light = torch.ones(3, 8, 8), torch.full((3, 8, 8), 0.01)
    (tmp_path / "b").write_bytes(b"others")

    assert metric(2 * white, white) == 0
    assert metric(light, white) == distance(mu_law(light), white) > 0
    assert list(choice.protocol.metrics) == ["psnr-mu", "lpips-alex"]
    assert choice.weights != choose("kalantari", (), LpipsFiles(alex=paths)).weights
    assert choose("kalantari", ()).weights == ""


def test_mosaics_are_developed_as_the_protocol_says(tmp_path):
    """An approximation by fixed filters; BracketIRE by the user's file, or not at all."""
    assert choose("bracketire-approx", ()).reading.demosaic is demosaic_linear
    assert choose("bracketire", ()).reading.demosaic is None
    with pytest.raises(SettingsError, match="kalantari has no use for --demosaic"):
        choose("kalantari", (), demosaic=tmp_path / "model.bin")
    with pytest.raises(SettingsError, match="bracketire-approx has no use"):
        choose("bracketire-approx", (), demosaic=tmp_path / "model.bin")
    with pytest.raises(WeightsError, match="model.bin is not there"):
        choose("bracketire", (), demosaic=tmp_path / "model.bin")
