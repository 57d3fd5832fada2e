import pickle

import pytest
import torch
from safetensors.torch import save_file

from deghost.errors import WeightsError
from deghost.layers.foreign_weights import read_foreign


SHAPES = {"a.weight": (2, 3), "a.bias": (2,)}


@pytest.fixture
def state():
    return {"a.weight": torch.rand(2, 3), "a.bias": torch.rand(2), "other": torch.rand(5)}


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth", "wrapped.pt"])
def test_safetensors_and_pytorch_files_are_read(tmp_path, state, name):
    """Wanted tensors come back as single floats, others stay behind."""
    path = tmp_path / name
    if name.endswith(".safetensors"):
        save_file({key: tensor.half() for key, tensor in state.items()}, path)
    else:
        torch.save({"state_dict": state} if name.startswith("wrapped") else state, path)

    found = read_foreign(path, SHAPES)

    assert list(found) == list(SHAPES)
    for key, tensor in found.items():
        assert tensor.dtype == torch.float32
        assert torch.allclose(tensor, state[key], atol=1e-3)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"b.weight": (2, 3)}, r"net.pth has no b.weight; it is of another network"),
        ({"a.weight": (3, 3)}, r"net.pth: a.weight is 2x3 but not 3x3; it is of another"),
    ],
)
def test_a_file_of_another_network_is_refused(tmp_path, state, shapes, message):
    """The message names the tensor that is absent or of another shape."""
    torch.save(state, tmp_path / "net.pth")

    with pytest.raises(WeightsError, match=message):
        read_foreign(tmp_path / "net.pth", shapes)


class Runs:
    """A pickle of it would call a function of its choice when read."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_files_that_are_no_weights_are_refused(tmp_path, name, capsys):
    """Code in a pickle is not run, and rubbish is named as such."""
    path = tmp_path / name
    for content in (pickle.dumps(Runs(), protocol=2), b"rubbish", b""):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name} is damaged or holds more than tensors"):
            read_foreign(path, SHAPES)
    torch.save([torch.ones(2)], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match=r"list.pth has no a.weight"):
        read_foreign(tmp_path / "list.pth", SHAPES)
    with pytest.raises(WeightsError, match=r"absent.pth is not there; check the path"):
        read_foreign(tmp_path / "absent.pth", SHAPES)
    assert capsys.readouterr().out == ""
