"""How pictures are shown to HDR-VDP-2: what their values mean, and from how far they are seen."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.radiometry.response import decode


Encoding = Literal["sRGB-display", "rgb-bt.709", "XYZ", "luminance", "luma-display"]
Picture = Float[Tensor, "c h w"]

DISPLAY_RANGE, DISPLAY_BLACK = 99.0, 1.0  # cd/m² of a screen
XYZ_TO_RGB = (
    (3.240708, -1.537259, -0.498570),
    (-0.969257, 1.875995, 0.041555),
    (0.055636, -0.203996, 1.057069),
)


@dataclass(frozen=True)
class Viewing:
    """How a published script shows two pictures to HDR-VDP-2."""

    encoding: Encoding
    diagonal: float  # inches, of the screen
    metres: float  # from the screen
    resolution: tuple[int, int] | None = None  # width and height of the screen; None: the picture
    swapped: bool = False  # the script passes the truth as the test
    scale: float = 1.0  # cd/m² of the value 1.0, of linear encodings
    floor: float = -math.inf  # cd/m², below which no value goes

    def degrees(self, size: tuple[int, int]) -> float:
        """Give the pixels per degree of a picture of a height and width."""
        return pixels_per_degree(self.diagonal, self.resolution or size[::-1], self.metres)

    def show(self, picture: Picture) -> Picture:
        """Scale a picture as the script does before the metric sees it."""
        return picture.mul(self.scale).clamp(min=self.floor)


PRESETS: dict[str, Viewing] = {
    # linear radiance read as sRGB, as these papers report it
    "safnet": Viewing("sRGB-display", 28, 0.55),
    "sctnet": Viewing("sRGB-display", 30, 0.55, resolution=(1500, 1000)),
    "selfhdr": Viewing("sRGB-display", 24, 0.5, swapped=True),
    "deephdrvideo": Viewing("sRGB-display", 24, 0.5),
    # radiance read as radiance, white at 100 cd/m²
    "bt709": Viewing("rgb-bt.709", 24, 0.5, scale=100.0, floor=1e-3),
}


def pixels_per_degree(diagonal: float, resolution: tuple[int, int], metres: float) -> float:
    """Give the pixels in a degree of sight of a screen, from its diagonal in inches.

    `resolution` is the screen's width and height in square pixels; the angle is that of the
    whole height seen from its middle.
    Raises SettingsError unless all are positive.

    Example:
        >>> round(pixels_per_degree(28, (1500, 1000), 0.55), 2)
        25.34
    """
    width, height = resolution
    if min(diagonal, width, height, metres) <= 0:
        raise SettingsError(
            f"a screen of {diagonal:g} inches and {width}x{height} pixels seen from {metres:g} m "
            "has no pixels per degree; give positive numbers"
        )
    tall = diagonal * 0.0254 / math.hypot(1, width / height)
    return height / math.degrees(2 * math.atan(tall / 2 / metres))


def to_light(picture: Picture, encoding: Encoding) -> Picture:
    """Turn a picture's values into the light of its primaries, in cd/m².

    sRGB-display and luma-display are screens from 1 to 100 cd/m²; values above 1 exceed that.
    Raises SettingsError where the encoding is unknown or wants another number of channels.

    Example:
        >>> to_light(torch.tensor([0.0, 0.5, 1.0]).reshape(1, 1, 3), "luma-display")
        tensor([[[  1.0000,  22.5461, 100.0000]]])
    """
    if encoding not in get_args(Encoding):
        known = ", ".join(get_args(Encoding))
        raise SettingsError(f"there is no encoding {encoding!r}; there are: {known}")
    wanted = 1 if encoding in ("luminance", "luma-display") else 3
    if picture.shape[0] != wanted:
        raise SettingsError(
            f"encoding {encoding} takes {wanted} channel{'s' * (wanted > 1)}, "
            f"not {picture.shape[0]}"
        )
    if encoding == "sRGB-display":
        return decode(picture, "srgb").mul_(DISPLAY_RANGE).add_(DISPLAY_BLACK)
    if encoding == "luma-display":
        return decode(picture, "gamma2.2").mul_(DISPLAY_RANGE).add_(DISPLAY_BLACK)
    if encoding == "XYZ":
        matrix = torch.tensor(XYZ_TO_RGB, dtype=picture.dtype, device=picture.device)
        return torch.einsum("r x, x h w -> r h w", matrix, picture)
    return picture
