"""Networks as ONNX files that run without PyTorch, for pictures of any size."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from deghost.errors import SettingsError
from deghost.io.atomic import atomic_path
from deghost.layers.blocks import pad_to_multiple
from deghost.layers.reconstructor import BracketBatch, Reconstructor
from deghost.models.exposure_net import ExposureNet
from deghost.models.motion_net import MotionNet
from deghost.models.motion_unet import MotionUNet
from deghost.models.vam import VAM


OPSET = 20
TOLERANCE = 1e-4  # between PyTorch and ONNX Runtime, of the largest value or of 1.0
TRACED = (64, 96)  # pixels; the file serves every other size as well
CHECKED = ((48, 40), (75, 51))


@dataclass(frozen=True)
class Exported:
    """What an ONNX file takes and gives, and how well it was found to agree."""

    inputs: Mapping[str, tuple[int | str, ...]]  # shapes; height and width are free
    output: str
    difference: float  # the largest, as a share of the largest value or of 1.0
    size: int  # bytes


class _Merging(nn.Module):
    """A reconstructor whose arguments and result are plain tensors of any height and width."""

    def __init__(self, network: Reconstructor, reference: int) -> None:
        super().__init__()
        self.network, self.reference = network, reference

    def forward(
        self,
        frames: Float[Tensor, "1 n c h w"],
        exposures: Float[Tensor, "1 n"],
        masks: Float[Tensor, "1 n h w"] | None = None,
    ) -> Float[Tensor, "1 colours out_h out_w"]:
        """Reconstruct the radiance of the reference's moment."""
        height, width = (length * self.network.scale for length in frames.shape[-2:])
        if self.network.multiple_of > 1:
            frames = pad_to_multiple(frames.flatten(0, 1), self.network.multiple_of)[None]
            if masks is not None:
                masks = pad_to_multiple(masks, self.network.multiple_of)
        batch = BracketBatch(frames, exposures, self.reference, masks)
        return self.network(batch).radiance[..., :height, :width]


def export_onnx(
    network: nn.Module,
    path: Path,
    *,
    frames: int = 3,
    reference: int | None = None,
    force: bool = False,
) -> Exported:
    """Write a network to an ONNX file, after checking it against ONNX Runtime at other sizes.

    A network that takes any number of frames is written for `frames`. The reference is the middle
    frame of sRGB brackets and the first of RAW ones unless told. Raises SettingsError for a
    reference that is no frame or a result that disagrees, WriteError.
    """
    _need_onnx()
    network = network.eval()
    if isinstance(network, Reconstructor):
        frames = network.frames or frames
        network = _Merging(network, _reference(network, frames, reference))
    example = example_inputs(network, frames, TRACED)
    with atomic_path(path, force=force) as temporary:
        _write(network, example, temporary)
        difference = max(
            _difference(network, example_inputs(network, frames, size), temporary)
            for size in CHECKED
        )
        if difference > TOLERANCE:
            raise SettingsError(
                f"{path.name} would differ from the network by {difference:.1e} of its values; "
                f"more than {TOLERANCE:.0e} is not written; update onnx and onnxruntime"
            )
        size = temporary.stat().st_size
    shapes = {name: _shape(name, value) for name, value in example.items()}
    return Exported(shapes, _output(network), difference, size)


def example_inputs(network: nn.Module, frames: int, size: tuple[int, int]) -> dict[str, Tensor]:
    """Make random arguments of a network, by their names."""
    generator = torch.Generator().manual_seed(0)

    def rand(*channels: int) -> Tensor:
        return torch.rand(*channels, *size, generator=generator)

    match network:
        case _Merging(network=inner):
            channels = 6 if inner.layout == "srgb6" else 4
            batch = {
                "frames": rand(1, frames, channels),
                "exposures": 4.0 ** torch.arange(frames)[None],
            }
            return {**batch, "masks": rand(1, frames)} if isinstance(inner, VAM) else batch
        case ExposureNet():
            noise = torch.tensor([[1e-4, 1e-6]])
            return {"codes": rand(1, 3), "linear": rand(1, 3), "noise": noise}
        case MotionNet():
            return {"features": rand(1, network.config.inputs)}
        case MotionUNet():
            return {"pair": rand(1, network.config.channels)}
    return {"codes": rand(1, 3)}


def _write(network: nn.Module, example: Mapping[str, Tensor], path: Path) -> None:
    """Translate a network, height and width left free."""
    free = {"height": torch.export.Dim.DYNAMIC, "width": torch.export.Dim.DYNAMIC}
    shapes: dict[str, Any] = {
        name: {value.ndim + axis: free[side] for axis, side in ((-2, "height"), (-1, "width"))}
        if value.shape[-2:] == TRACED
        else {}
        for name, value in example.items()
    }
    with _quietly():
        program = torch.onnx.export(
            network,
            kwargs=dict(example),
            input_names=list(example),
            output_names=[_output(network)],
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.save(path)


def _difference(network: nn.Module, inputs: Mapping[str, Tensor], path: Path) -> float:
    """Compare what ONNX Runtime and PyTorch make of the same input."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        wanted = network(**inputs).numpy()
    return float(np.abs(found - wanted).max() / max(1.0, np.abs(wanted).max()))


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence what PyTorch says of its own parts."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _reference(network: Reconstructor, frames: int, asked: int | None) -> int:
    usual = 0 if network.layout == "raw4" else frames // 2
    reference = usual if asked is None else asked
    if not 0 <= reference < frames:
        raise SettingsError(f"reference is frame {reference}; choose from 0 to {frames - 1}")
    return reference


def _output(network: nn.Module) -> str:
    return "radiance" if isinstance(network, _Merging) else "logits"


def _shape(name: str, value: Tensor) -> tuple[int | str, ...]:
    if value.shape[-2:] != TRACED:
        return tuple(value.shape)
    return (*value.shape[:-2], "height", "width")


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401, needed by PyTorch
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401, needed by PyTorch
    except ImportError as error:
        raise SettingsError(
            f"{error.name} is not installed; install it with: pip install 'deghost[onnx]'"
        ) from error
