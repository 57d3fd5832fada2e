"""Weights files."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from deghost.errors import WeightsError, WriteError
from deghost.layers.weights import HEADER, Card, read_header, read_weights, save_weights


CARD = Card("24 simulated scenes", "Apache-2.0", "5 steps", {"validation psnr-mu": 31.5})


@dataclass(frozen=True)
class Config:
    widths: tuple[int, ...] = (2, 3)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))


def test_what_was_saved_is_read(network, tmp_path):
    """Name, configuration, card and numbers come back; halves to their precision."""
    path = tmp_path / "net.safetensors"

    save_weights(path, "net", Config(), network.state_dict(), CARD)
    weights = read_weights(path)

    assert weights.header.name == "net"
    assert weights.header.configuration == {"widths": [2, 3]}
    assert weights.header.card == CARD
    for name, tensor in network.state_dict().items():
        assert weights.state[name].dtype == tensor.dtype
        assert torch.allclose(weights.state[name], tensor, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        lambda stated: [],
        lambda stated: {**stated, "card": "none"},
        lambda stated: {**stated, "card": {**stated["card"], "colour": "red"}},
        lambda stated: {**stated, "configuration": [1]},
        lambda stated: {key: value for key, value in stated.items() if key != "name"},
    ],
)
def test_headers_that_say_nothing_are_told(network, tmp_path, change):
    """In one line that names the file, whatever another program wrote."""
    path = tmp_path / "net.safetensors"
    save_weights(path, "net", Config(), network.state_dict(), CARD)
    with safe_open(path, "pt") as file:
        stated = json.loads(file.metadata()[HEADER])
    save_file(network.state_dict(), path, {HEADER: json.dumps(change(stated))})

    with pytest.raises(WeightsError, match=r"^net.safetensors (holds no|does not say)"):
        read_header(path)


def test_floats_are_stored_as_halves_unless_they_are_too_large(tmp_path):
    """A half ends at 65504: what goes beyond stays a single float, whole numbers stay whole."""
    state = {"small": torch.ones(2), "large": torch.full((2,), 7e4), "count": torch.tensor(3)}

    save_weights(tmp_path / "a.safetensors", "net", {}, state, CARD)

    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        kinds = {key: file.get_tensor(key).dtype for key in file.keys()}  # noqa: SIM118
    assert kinds == {"small": torch.float16, "large": torch.float32, "count": torch.int64}


def test_single_floats_come_back_exactly(network, tmp_path):
    """Without halves nothing is lost, whatever the memory layout."""
    path = tmp_path / "net.safetensors"
    network.to(memory_format=torch.channels_last)

    save_weights(path, "net", Config(), network.state_dict(), CARD, half=False)

    for name, tensor in read_weights(path).state.items():
        assert torch.equal(tensor, network.state_dict()[name])


def test_the_header_is_read_alone(network, tmp_path):
    """A card can be shown without reading the numbers."""
    path = tmp_path / "net.safetensors"
    save_weights(path, "net", Config(), network.state_dict(), CARD)

    assert read_header(path) == read_weights(path).header


@pytest.mark.parametrize("cut", [0, 5, 200, -1])
def test_a_damaged_file_is_told(network, tmp_path, cut):
    """A file that was cut short is refused in one line that names it."""
    path = tmp_path / "net.safetensors"
    save_weights(path, "net", Config(), network.state_dict(), CARD)
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(WeightsError, match=r"^net.safetensors .*damaged"):
        read_weights(path)


def test_a_changed_file_is_told(network, tmp_path):
    """One flipped bit does not go unnoticed."""
    path = tmp_path / "net.safetensors"
    save_weights(path, "net", Config(), network.state_dict(), CARD)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(WeightsError, match="not as it was written"):
        read_weights(path)


def test_other_files_are_told(tmp_path):
    """A file of tensors that are not this package's weights is refused, and one that is absent."""
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors", {HEADER: json.dumps({})})

    with pytest.raises(WeightsError, match="other.safetensors holds no weights"):
        read_weights(tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="is not there"):
        read_weights(tmp_path / "absent.safetensors")


def test_nothing_is_left_of_a_failure(network, tmp_path):
    """Where a file cannot be written, no part of it stays."""
    target = tmp_path / "taken"
    target.mkdir()
    (target / "inside").touch()

    with pytest.raises(WriteError, match="taken cannot be written"):
        save_weights(target, "net", Config(), network.state_dict(), CARD)
    assert list(tmp_path.iterdir()) == [target]
