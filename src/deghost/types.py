"""The vocabulary: the shapes and the plain records that every layer speaks of.

Two kinds of arrays exist. *Pixels* are NumPy, height x width x RGB, as stored in a file.
Everything that is computed is a PyTorch tensor, channels first, float32, RGB.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32, Shaped, UInt8, UInt16
from torch import Tensor


Pixels = UInt8[np.ndarray, "h w 3"] | UInt16[np.ndarray, "h w 3"] | Float32[np.ndarray, "h w 3"]
Image = Float[Tensor, "3 h w"]  # linear RGB of one frame, 1.0 = the frame's clipping level
Radiance = Float[Tensor, "3 h w"]  # linear RGB of the scene
Mask = Float[Tensor, "h w"]  # in [0, 1], named after what its ones mean
Matrix = Float[np.ndarray, "3 3"]


@dataclass(frozen=True)
class Capture:
    """What the camera wrote about one frame; None where it wrote nothing."""

    time: float | None = None  # s, ExposureTime
    shutter_speed: float | None = None  # APEX Tv, ShutterSpeedValue; time = 2 ** -Tv
    aperture: float | None = None  # f-number, from FNumber or else ApertureValue
    iso: float | None = None
    bias: float | None = None  # stops, ExposureBiasValue
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    lens_make: str | None = None
    lens: str | None = None
    focal_length: float | None = None  # mm
    date: str | None = None  # "YYYY:MM:DD hh:mm:ss", DateTimeOriginal
    utc_offset: float | None = None  # s
    latitude: float | None = None  # degrees, north positive
    longitude: float | None = None  # degrees, east positive
    altitude: float | None = None  # m
    owner: str | None = None
    exif: bytes = b""  # the EXIF block, a TIFF stream without "Exif" before it, orientation 1


@dataclass(frozen=True)
class Response:
    """How stored codes become linear light: a table per channel over the codes' range [0, 1].

    `table[c, i]` is the linear value of code `i / (k - 1)` in channel `c`; 1.0 is clipping.
    Values between two entries are interpolated linearly.
    """

    name: str
    table: Float[np.ndarray, "3 k"]


@dataclass(frozen=True)
class Frame:
    """One exposure as stored: upright RGB codes and what is needed to make them linear."""

    path: Path
    pixels: Pixels
    response: Response  # of the file: its colour profile's curve, sRGB without one, linear for RAW
    to_rec709: Matrix  # linear RGB of the file -> linear Rec. 709 RGB
    capture: Capture
    kind: Literal["encoded", "raw", "float"] = "encoded"
    notes: tuple[str, ...] = ()  # what reading decided, in words for the user
    grey: bool = False  # whether the file has one channel, which serves as all three
    alpha: UInt8[np.ndarray, "h w"] | None = None  # 255 = opaque; None: opaque all over

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def white(self) -> float:
        """The code at which the frame clips: 255, 65535, or 1.0 for float pixels."""
        return 1.0 if self.pixels.dtype == np.float32 else float(np.iinfo(self.pixels.dtype).max)


@dataclass(frozen=True)
class Exposure:
    """The exposure of one frame, `t * S / (100 * N**2)`, and where it was learned.

    A linear value `v` (1.0 = clipping) of a frame of exposure `e` shows the radiance `v / e`,
    which is `v * 2 ** EV100` when time, ISO and aperture are all known.
    """

    value: float
    source: str
    absolute: bool = True  # whether time, ISO and aperture are all known


@dataclass(frozen=True)
class Bracket:
    """The frames of one scene, darkest first, with their exposures."""

    frames: tuple[Frame, ...]
    exposures: tuple[Exposure, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames[0].size


@dataclass(frozen=True)
class Scene:
    """A bracket for training and measuring, with what is known of its truth; None where unknown.

    Frames have 3 channels (RGB) or 4 (a packed mosaic: R, G, G, B, half the height and width).
    Where nothing moves and nothing clips, decoded frames divided by `exposures` are the truth:
    a noise-free linear value is `min(1, truth * exposure)`. Simulated scenes and those laid out
    like Kalantari's have `exposures[0] == 1`: radiance 1.0 clips the darkest frame. The truth may
    exceed 1 where every frame clips; it may be larger than the frames by a whole factor.

    Masks and flow lie on the grid of the reference, except `well_exposed`, which is each frame's.
    """

    name: str
    frames: Float[Tensor, "n c h w"]  # codes in [0, 1], darkest first
    exposures: Float[Tensor, " n"]  # relative, in the scale of the truth: e = 1 clips at 1.0
    reference: int  # the frame whose moment the truth shows
    response: str = "gamma2.2"  # the name of the curve of the codes, see `named_response` ...
    curve: Float[Tensor, "3 k"] | None = None  # ... or, if not None, its table as in `Response`
    truth: Float[Tensor, "c truth_h truth_w"] | None = None  # linear, without noise
    camera: Float[Tensor, "n 3 3"] | None = None  # pixel (x, y, 1) of the reference -> of frame k
    motion: Float[Tensor, "n h w"] | None = None  # 1 = frame k, seen through `camera`, shows
    #                                               something else here than the reference
    well_exposed: Float[Tensor, "n h w"] | None = None  # 1 = neither clipped nor buried in noise
    recoverable: Float[Tensor, "h w"] | None = None  # 1 = some frame shows it well exposed
    flow: Float[Tensor, "n 2 h w"] | None = None  # x, y from a reference pixel to where frame k
    #                                               has the same thing, visible or not; with camera
    details: Mapping[str, object] = field(default_factory=dict)  # colour matrix, gains, seed ...
    notes: tuple[str, ...] = ()  # what reading or making decided, in words for the user


AnyArray = Shaped[np.ndarray, "..."]
