"""Colour spaces of linear RGB and the matrices between them.

A space is four chromaticities; two spaces with different whites are joined by the Bradford
transform, so that white always maps to white and grey stays grey.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from deghost.types import Matrix


Chromaticity = tuple[float, float]  # CIE 1931 x, y
Colour = Float[np.ndarray, " 3"]  # XYZ or RGB

D50: Chromaticity = (0.3457, 0.3585)
D60: Chromaticity = (0.32168, 0.33767)  # the white of ACES
D65: Chromaticity = (0.3127, 0.3290)
DCI_WHITE: Chromaticity = (0.314, 0.351)
PCS_WHITE: Colour = np.array([0.9642, 1.0, 0.8249])  # XYZ of the ICC connection space, ICC.1 7.2.16

BRADFORD: Matrix = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@dataclass(frozen=True)
class RgbSpace:
    """The chromaticities of a linear RGB space's primaries and white."""

    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity
    white: Chromaticity = D65


SPACES: dict[str, RgbSpace] = {
    "rec709": RgbSpace((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),  # and sRGB
    "p3": RgbSpace((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
    "dci-p3": RgbSpace((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI_WHITE),
    "rec2020": RgbSpace((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    "adobe-rgb": RgbSpace((0.640, 0.330), (0.210, 0.710), (0.150, 0.060)),
    "prophoto": RgbSpace((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), D50),
    "rec601-525": RgbSpace((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    "rec601-625": RgbSpace((0.640, 0.330), (0.290, 0.600), (0.150, 0.060)),
    "acescg": RgbSpace((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), D60),
    "aces": RgbSpace((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), D60),
}


def xyz_of(chromaticity: Chromaticity) -> Colour:
    """Give the XYZ of a chromaticity at luminance 1.

    Example:
        >>> xyz_of(D65).round(4).tolist()
        [0.9505, 1.0, 1.0891]
    """
    x, y = chromaticity
    return np.array([x / y, 1.0, (1 - x - y) / y])


def rgb_to_xyz(space: RgbSpace) -> Matrix:
    """Make the matrix from linear RGB to XYZ, white at luminance 1 (SMPTE RP 177).

    Example:
        >>> rgb_to_xyz(SPACES["rec709"])[1].round(4).tolist()  # the luminance of each primary
        [0.2126, 0.7152, 0.0722]
    """
    primaries = np.array([(x, y, 1 - x - y) for x, y in (space.red, space.green, space.blue)]).T
    return primaries * np.linalg.solve(primaries, xyz_of(space.white))


def adapt_white(source: Colour, target: Colour) -> Matrix:
    """Make the XYZ matrix that turns one white into another (Bradford; ICC.1 annex E).

    Example:
        >>> (adapt_white(xyz_of(D65), PCS_WHITE) @ xyz_of(D65)).round(4).tolist()
        [0.9642, 1.0, 0.8249]
    """
    gain = (BRADFORD @ target) / (BRADFORD @ source)
    return np.linalg.solve(BRADFORD, gain[:, None] * BRADFORD)


def convert_space(source: RgbSpace, target: RgbSpace) -> Matrix:
    """Make the matrix from one linear RGB space to another; its rows sum to 1.

    Example:
        >>> convert_space(SPACES["p3"], SPACES["rec709"]).round(3)[0, :2].tolist()
        [1.225, -0.225]
    """
    adaptation = adapt_white(xyz_of(source.white), xyz_of(target.white))
    return keep_white(np.linalg.solve(rgb_to_xyz(target), adaptation @ rgb_to_xyz(source)))


def to_rec709(space: RgbSpace) -> Matrix:
    """Make the matrix from a linear RGB space to linear Rec. 709; exactly identity for Rec. 709."""
    return np.eye(3) if space == SPACES["rec709"] else convert_space(space, SPACES["rec709"])


def keep_white(matrix: Matrix) -> Matrix:
    """Scale the rows of a matrix to sum to 1, so that grey stays grey to the last digit."""
    return matrix / matrix.sum(axis=1, keepdims=True)
