"""What the files of results and truths hold, in the values of a protocol."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from deghost.data.layout_files import read_array
from deghost.data.scene_set import SceneSet
from deghost.errors import ReadError
from deghost.evaluate.bracketire import Development, develop
from deghost.evaluate.demosaic import Demosaic, demosaic_linear
from deghost.evaluate.protocol import Picture, Protocol, in_values_of, scaling
from deghost.io.image import read_frame
from deghost.io.radiance import read_radiance
from deghost.types import Mask, Scene


RADIANCE = (".exr", ".hdr", ".pic")
PICTURES = (*RADIANCE, ".tif", ".tiff", ".png")
MOSAIC = ".npy"
ROLE = re.compile(r"[_\-. ](gt|truth|hdr|pred|prediction|result|output|out)$", re.IGNORECASE)
APPROXIMATE = "bracketire-approx"  # develops results and truths itself, in a plain way


@dataclass(frozen=True)
class Reading:
    """How files become the values of a protocol."""

    protocol: Protocol
    demosaic: Demosaic | None = None  # of mosaics that are developed before they are compared

    @staticmethod
    def of(protocol: Protocol, demosaic: Demosaic | None = None) -> "Reading":
        """Choose the demosaicing: what the user has, and for an approximation the plain one."""
        return Reading(protocol, demosaic_linear if protocol.name == APPROXIMATE else demosaic)

    @property
    def endings(self) -> tuple[str, ...]:
        """The endings of files that can be read."""
        return (*PICTURES, MOSAIC) if self.protocol.values == "mu-law" else PICTURES


@dataclass(frozen=True)
class Truth:
    """What a picture should have been, in the values of a protocol."""

    values: Picture
    recoverable: Mask | None = None
    development: Development | None = None  # of the scene's mosaics
    scaling: float = 1.0  # of the scene's light, to the protocol's scale


def name_of(path: Path) -> str:
    """Name the picture in a file, whatever its role.

    Example:
        >>> name_of(Path("results/0001_pred.exr")), name_of(Path("0001-GT.hdr"))
        ('0001', '0001')
    """
    return ROLE.sub("", path.stem)


def read_values(
    path: Path, reading: Reading, development: Development | None = None
) -> tuple[Picture, bool]:
    """Read a picture in the values of a protocol; tell whether it is rounded to codes already.

    Floating-point files hold linear light, integers the codes of the protocol, arrays a packed
    mosaic (h w 4), which is developed. Raises ReadError.
    """
    suffix = path.suffix.lower()
    if suffix == MOSAIC:
        return _developed_file(path, reading, development), True
    if suffix not in RADIANCE:
        pixels = read_frame(path).pixels
        if pixels.dtype != np.float32:
            return _from_codes(path, pixels, reading.protocol), True
    file = read_radiance(path)
    light = torch.from_numpy(np.ascontiguousarray(file.pixels)).permute(2, 0, 1)
    if not np.allclose(file.to_rec709, np.eye(3), atol=1e-4):
        matrix = torch.from_numpy(file.to_rec709).float()
        light = torch.einsum("oc,chw->ohw", matrix, light)
    written = reading.protocol.rounding == "rgbe" and suffix in RADIANCE[1:]
    return in_values_of(reading.protocol, light), written


def read_truth_file(path: Path, reading: Reading) -> Truth:
    """Read a truth of its own file. Raises ReadError."""
    return Truth(read_values(path, reading)[0])


def read_truth_scene(scenes: SceneSet, number: int, reading: Reading) -> Truth:
    """Read the truth of a scene of a data set, in the protocol's scale; a mosaic is developed.

    Raises ReadError.
    """
    scene = scenes[number]
    if scene.truth is None:
        raise ReadError(f"{scene.name} has no truth; give the folder of pictures it should be")
    if scene.truth.shape[0] == 3:
        factor = scaling(reading.protocol, scene.exposures)
        values = in_values_of(reading.protocol, factor * scene.truth)
        return Truth(values, scene.recoverable, scaling=factor)
    development = _development(scene, reading.protocol)
    shown = scenes.entries[number].one("shown")
    if shown is not None and reading.protocol.name != APPROXIMATE:
        return Truth(read_values(shown, reading)[0], None, development)
    return Truth(_developed(scene.name, scene.truth, reading, development), None, development)


def _development(scene: Scene, protocol: Protocol) -> Development:
    """Tell how a scene's mosaics are developed. Raises ReadError for one that cannot be."""
    known = scene.details
    if protocol.values != "mu-law" or "cam2rgb" not in known:
        raise ReadError(
            f"{scene.name} is a packed mosaic, which {protocol.name} cannot compare; "
            "develop it to pictures, or use a protocol of BracketIRE for its scenes"
        )
    red, blue, matrix = (known[name] for name in ("red_gain", "blue_gain", "cam2rgb"))
    assert isinstance(red, Tensor)
    assert isinstance(blue, Tensor)
    assert isinstance(matrix, Tensor)
    return Development(red.item(), blue.item(), matrix)


def _developed_file(path: Path, reading: Reading, development: Development | None) -> Picture:
    """Read and develop a mosaic in the scale of the middle exposure."""
    packed = read_array(path)
    if packed.ndim != 3 or packed.shape[2] != 4:
        raise ReadError(f"{path.name} is an array of shape {packed.shape}; give h x w x 4")
    if development is None:
        raise ReadError(
            f"{path.name} is a mosaic; give the folder of BracketIRE's scenes for the truth, "
            "as their metadata tell how it is developed"
        )
    mosaic = torch.from_numpy(np.ascontiguousarray(packed, np.float32)).permute(2, 0, 1)
    return _developed(path.name, mosaic, reading, development)


def _developed(name: str, mosaic: Tensor, reading: Reading, development: Development) -> Picture:
    if reading.demosaic is None:
        raise ReadError(
            f"{name} is a mosaic; give --demosaic and BracketIRE's isp/model.bin, or use "
            f"--protocol {APPROXIMATE}"
        )
    if not mosaic.isfinite().all():
        raise ReadError(f"{name} has values that are not finite; mend them before comparing")
    return develop(mosaic, development, reading.demosaic)


def _from_codes(path: Path, pixels: np.ndarray, protocol: Protocol) -> Picture:
    """Turn integer codes into the values of a protocol."""
    if protocol.values == "linear":
        raise ReadError(
            f"{path.name} holds codes of integers, but {protocol.name} compares linear light; "
            "give .exr, .hdr or floating-point .tif"
        )
    if pixels.dtype != np.uint16:
        raise ReadError(
            f"{path.name} has 8 bits a colour, but {protocol.name} compares 16; write it as 16-bit "
            "PNG"
        )
    ratio = 65535.0 if protocol.values == "mu-law" else _align_ratio(path)
    values = np.divide(pixels, np.float32(ratio), dtype=np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)


def _align_ratio(path: Path) -> float:
    """Read what the codes of an NTIRE picture are divided by, from the file beside it."""
    names = (f"{name_of(path)}_alignratio.npy", "alignratio.npy")
    found = next((path.parent / name for name in names if (path.parent / name).is_file()), None)
    if found is None:
        raise ReadError(f"{path.name} has no {names[0]} beside it; write it with the picture")
    ratio = read_array(found).astype(np.float64).reshape(-1)
    if ratio.size != 1 or not 0 < ratio[0] < np.inf:
        raise ReadError(f"{found.name} is not one positive number; write it again")
    return float(ratio[0])
