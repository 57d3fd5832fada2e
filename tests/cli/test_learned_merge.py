"""`deghost merge` by a network."""

import json

import numpy as np
import pytest
import torch

from deghost.io.radiance import read_radiance
from deghost.layers.weights import Card, save_weights
from deghost.models.zoo import build_network


THREE = "merge a.jpg b.jpg c.jpg"


@pytest.fixture
def weights(folder):
    """A small network's weights, `net.safetensors` in the working folder."""
    torch.manual_seed(1)
    network = build_network("ahdrnet", width=8, growth=4, layers=1)
    card = Card("none", "Apache-2.0")
    save_weights(folder / "net.safetensors", "ahdrnet", network.config, network.state_dict(), card)


def test_a_network_merges_and_its_plan_renders_again(folder, run, weights):
    """The plan holds which weights; rendered on the processor it gives the same pixels."""
    first = run(f"{THREE} -o one.exr --plan p.json --method ahdrnet --weights net.safetensors -q")
    again = run("render p.json -o two.exr --device cpu -q")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    one, two = (read_radiance(folder / name).pixels for name in ("one.exr", "two.exr"))
    assert one.std() > 0
    assert np.allclose(one, two, atol=1e-3)
    assert json.loads((folder / "p.json").read_text())["network"]["weights"] == "net.safetensors"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--method tmrnet", "no weights of tmrnet come with deghost; give a file with --weights"),
        ("--method vam --weights net.safetensors", "is for ahdrnet, not for vam"),
        ("--method vam --weights nothing.safetensors", "nothing.safetensors is not there"),
        ("--fast --method vam", "--fast is --method weighted; give it, or --method vam"),
        ("--fast --weights net.safetensors", "method weighted takes no weights"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(folder, refused, weights, options, words):
    """A user's mistake ends with exit code 2 and a line that says how to mend it."""
    assert words in refused(f"{THREE} -o x.exr {options}")
    assert not (folder / "x.exr").exists()


def test_too_few_frames_are_one_line(refused, weights):
    """Two frames for a network of three are refused before anything is computed."""
    told = refused("merge a.jpg b.jpg -o x.exr --method ahdrnet --weights net.safetensors")

    assert "ahdrnet takes 3 frames, but the bracket has 2; add frames, or use" in told
