"""Networks as ONNX files that run without PyTorch, for pictures of any size."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from deghost.errors import SettingsError
from deghost.io.atomic import atomic_path, check_target
from deghost.layers.blocks import pad_to_multiple
from deghost.layers.reconstructor import BracketBatch, Reconstructor
from deghost.layers.weights import read_weights
from deghost.models.deghostnet import MAPS, PICTURES, DeghostNet
from deghost.models.exposure_net import ExposureNet
from deghost.models.motion_net import MotionNet
from deghost.models.motion_unet import MotionUNet
from deghost.models.vam import VAM
from deghost.models.zoo import find_weights, network_of


OPSET = 20
TOLERANCE = 1e-4  # between PyTorch and ONNX Runtime, of the largest value or of 1.0
USUAL = 3  # frames
TRACED = (64, 96)  # pixels; the file serves every other size as well
CHECKED = ((75, 51), (5, 7))


@dataclass(frozen=True)
class Exported:
    """What an ONNX file takes and gives, and how well it was found to agree."""

    inputs: Mapping[str, tuple[int | str, ...]]  # shapes; height and width are free
    output: str  # radiance, the same compressed, or logits of a mask
    reference: int | None  # the frame whose structure the result keeps
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


def export_weights(
    name: str | Path,
    path: Path,
    *,
    frames: int | None = None,
    reference: int | None = None,
    force: bool = False,
) -> Exported:
    """Write the network of shipped weights or of a weights file; see `export_onnx`.

    The file says which network it holds and under which licence. Raises WeightsError, too.
    """
    source = find_weights(name)
    weights = read_weights(source)
    network, header = network_of(weights, source.name), weights.header
    about = {
        "network": header.name,
        "configuration": json.dumps(header.configuration),
        "checksum": header.checksum,
        **{key: str(value) for key, value in asdict(header.card).items() if value},
    }
    return export_onnx(network, path, frames=frames, reference=reference, about=about, force=force)


def export_onnx(  # noqa: PLR0913, what a file is made of
    network: nn.Module,
    path: Path,
    *,
    frames: int | None = None,
    reference: int | None = None,
    about: Mapping[str, str] = MappingProxyType({}),
    force: bool = False,
) -> Exported:
    """Write a network to an ONNX file, after checking it against ONNX Runtime at other sizes.

    One bracket at a time, packed as `BracketBatch` says, of any height and width. A network that
    takes any number of frames is written for `frames`, or for three. The reference is the middle
    frame of sRGB brackets and the first of RAW ones unless told. `about` is kept in the file.
    Raises SettingsError for frames or a reference that it does not take, for a result that is not
    finite or disagrees; WriteError.
    """
    _need_onnx()
    check_target(path, force=force)
    network = network.eval()
    if isinstance(network, Reconstructor):
        frames = _frame_count(network, frames)
        reference = _reference(network, frames, reference)
        network = _Merging(network, reference)
        about = {**about, "layout": network.network.layout, "reference": str(reference)}
    elif reference is not None or frames is not None:
        raise SettingsError(
            f"{type(network).__name__} is given no bracket; leave --frames and --reference out"
        )
    example = example_inputs(network, frames or 0, TRACED)
    with atomic_path(path, force=force) as temporary:
        _write(network, example, about, temporary)
        others = (example_inputs(network, frames or 0, size) for size in CHECKED)
        difference = max(_difference(network, inputs, temporary) for inputs in others)
        if not difference <= TOLERANCE:
            raise SettingsError(
                f"{path.name} would differ from the network by {difference:.1e} of its values; "
                f"more than {TOLERANCE:.0e} is not written; update onnx and onnxruntime"
            )
        size = temporary.stat().st_size
    shapes = {key: _shape(value) for key, value in example.items()}
    return Exported(shapes, _output(network), reference, difference, size)


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
        case DeghostNet():
            return {"pictures": rand(1, 3 * PICTURES), "maps": rand(1, MAPS)}
        case MotionNet():
            return {"features": rand(1, network.config.inputs)}
        case MotionUNet():
            return {"pair": rand(1, network.config.channels)}
    return {"codes": rand(1, 3)}


def _write(
    network: nn.Module, example: Mapping[str, Tensor], about: Mapping[str, str], path: Path
) -> None:
    """Translate a network, height and width left free."""
    free = torch.export.Dim.DYNAMIC
    shapes = {
        name: {value.ndim - 2: free, value.ndim - 1: free} if _is_picture(value) else {}
        for name, value in example.items()
    }
    with _quietly(), sdpa_kernel(SDPBackend.MATH):  # what it is translated from
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
        program.model.metadata_props.update(about)
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
    if not np.isfinite(wanted).all():
        raise SettingsError("these weights give numbers that are not finite; train them again")
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


def _frame_count(network: Reconstructor, asked: int | None) -> int:
    if network.frames is not None and asked not in {None, network.frames}:
        raise SettingsError(f"this network takes {network.frames} frames; leave --frames out")
    if asked is not None and asked < 2:
        raise SettingsError(f"--frames {asked} is no bracket; give 2 or more")
    return asked or network.frames or USUAL


def _reference(network: Reconstructor, frames: int, asked: int | None) -> int:
    usual = 0 if network.layout == "raw4" else frames // 2
    reference = usual if asked is None else asked
    if not 0 <= reference < frames:
        raise SettingsError(f"reference is frame {reference}; choose from 0 to {frames - 1}")
    return reference


def _output(network: nn.Module) -> str:
    if isinstance(network, DeghostNet):
        return "compressed"
    return "radiance" if isinstance(network, _Merging) else "logits"


def _shape(value: Tensor) -> tuple[int | str, ...]:
    if not _is_picture(value):
        return tuple(value.shape)
    return (*value.shape[:-2], "height", "width")


def _is_picture(value: Tensor) -> bool:
    return value.shape[-2:] == TRACED


def _need_onnx() -> None:
    try:
        import onnx  # noqa: F401, needed by PyTorch
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401, needed by PyTorch
    except ImportError as error:
        raise SettingsError(
            f"{error.name} is not installed; install it with: pip install 'deghost[onnx]'"
        ) from error
