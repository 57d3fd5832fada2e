"""Networks as ONNX files. The translation takes seconds; benchmarks/export.py does all of them."""

import numpy as np
import pytest
import torch

from deghost.errors import SettingsError, WriteError
from deghost.layers.reconstructor import BracketBatch
from deghost.layers.weights import Card, save_weights
from deghost.models.export import TOLERANCE, export_onnx, export_weights
from deghost.models.zoo import build_network


onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small network, its file, and what was told of it."""
    folder = tmp_path_factory.mktemp("onnx")
    torch.manual_seed(1)
    network = build_network("ahdrnet", width=8, growth=4, layers=1).eval()
    weights, path = folder / "net.safetensors", folder / "net.onnx"
    card = Card("none", "Apache-2.0", notes="of a test")
    save_weights(weights, "ahdrnet", network.config, network.state_dict(), card, half=False)
    return network, path, export_weights(weights, path)


@pytest.mark.parametrize("size", [(64, 96), (33, 47)])
def test_a_file_gives_what_the_network_gives(exported, size):
    """At the size it was traced at and at another."""
    network, path, _ = exported
    frames = torch.rand(1, 3, 6, *size, generator=torch.Generator().manual_seed(2))
    exposures = torch.tensor([[1.0, 4.0, 16.0]])

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"frames": frames.numpy(), "exposures": exposures.numpy()})

    with torch.no_grad():
        wanted = network(BracketBatch(frames, exposures, 1)).radiance.numpy()
    assert found.shape == (1, 3, *size)
    assert np.allclose(found, wanted, atol=TOLERANCE)


def test_a_file_says_what_it_takes_and_holds(exported):
    """Shapes with free sizes, the reference, and the weights' card."""
    _, path, told = exported

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    known = session.get_modelmeta().custom_metadata_map

    assert told.inputs == {"frames": (1, 3, 6, "height", "width"), "exposures": (1, 3)}
    assert (told.output, told.reference) == ("radiance", 1)
    assert told.difference <= TOLERANCE
    assert told.size == path.stat().st_size
    assert (known["network"], known["licence"], known["notes"]) == (
        "ahdrnet",
        "Apache-2.0",
        "of a test",
    )


def test_a_file_that_exists_stays(exported):
    """Unless it may be replaced."""
    network, path, _ = exported

    with pytest.raises(WriteError, match=r"net.onnx exists already"):
        export_onnx(network, path)


def test_a_reference_that_is_no_frame_is_told(exported, tmp_path):
    """Before anything is translated."""
    with pytest.raises(SettingsError, match="reference is frame 3; choose from 0 to 2"):
        export_onnx(exported[0], tmp_path / "x.onnx", reference=3)


@pytest.mark.parametrize(
    ("frames", "message"), [(5, "takes 3 frames; leave --frames out"), (1, "takes 3 frames")]
)
def test_frames_of_another_number_are_refused(exported, tmp_path, frames, message):
    """A file for three frames would be a surprise to who asked for five."""
    with pytest.raises(SettingsError, match=message):
        export_onnx(exported[0], tmp_path / "x.onnx", frames=frames)


def test_a_bracket_has_two_frames_at_least(tmp_path):
    """Of a network that takes any number."""
    network = build_network("segdeghost", frames=None, width=4, motion_widths=(4, 4))
    with pytest.raises(SettingsError, match="--frames 1 is no bracket; give 2 or more"):
        export_onnx(network, tmp_path / "x.onnx", frames=1)


def test_weights_that_are_not_finite_are_told(tmp_path):
    """Not that another program is too old."""
    network = build_network("exposure-unet", widths=(4, 4))
    torch.nn.init.constant_(next(network.parameters()), float("nan"))

    with pytest.raises(SettingsError, match="not finite; train them again"):
        export_onnx(network, tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_a_network_without_frames_takes_no_reference(tmp_path):
    """It is given merged pictures, so a reference is a mistake."""
    with pytest.raises(SettingsError, match="leave --frames and --reference out"):
        export_onnx(build_network("deghostnet"), tmp_path / "a.onnx", reference=1)
    assert not (tmp_path / "a.onnx").exists()


def test_a_network_that_onnx_changes_is_not_written(exported, tmp_path, monkeypatch):
    """What disagrees leaves no file behind."""
    monkeypatch.setattr("deghost.models.export._difference", lambda *_: 1e-3)
    monkeypatch.setattr("deghost.models.export._write", lambda *given: given[-1].touch())

    with pytest.raises(SettingsError, match=r"x.onnx would differ from the network by 1.0e-03"):
        export_onnx(exported[0], tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_the_network_that_finishes_merges_is_written(tmp_path):
    """With its three pictures and five maps, at sizes that it pads."""
    torch.manual_seed(1)
    network = build_network("deghostnet", widths=(8, 8)).eval()
    torch.nn.init.normal_(network.leave.weight, std=0.1)

    told = export_onnx(network, tmp_path / "x.onnx")

    assert told.inputs == {
        "pictures": (1, 9, "height", "width"),
        "maps": (1, 5, "height", "width"),
    }
    assert told.output == "compressed"
    assert told.difference <= TOLERANCE
