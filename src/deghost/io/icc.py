"""Colour profiles: the curve and the primaries that a file declares (ICC.1:2022, ITU-T H.273)."""

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Shaped

from deghost.errors import ReadError
from deghost.radiometry.colour import (
    PCS_WHITE,
    SPACES,
    RgbSpace,
    adapt_white,
    keep_white,
    rgb_to_xyz,
    to_rec709,
    xyz_of,
)
from deghost.radiometry.response import SAMPLES, named_response
from deghost.types import Matrix, Pixels, Response


Curve = Float[np.ndarray, " k"]

CODED_PRIMARIES = {
    1: "rec709",
    5: "rec601-625",
    6: "rec601-525",
    7: "rec601-525",
    9: "rec2020",
    11: "dci-p3",
    12: "p3",
}
CODED_TRANSFERS = {
    1: "rec709",
    4: "gamma2.2",
    5: "gamma2.8",
    6: "rec709",
    8: "linear",
    13: "srgb",
    14: "rec709",
    15: "rec709",
}
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
SAME_CURVE = 5e-4  # linear; a profile's 1024 entries of 16 bits stray less, other curves more
SAME_MATRIX = 2e-3  # rounding of a profile's colorants


@dataclass(frozen=True)
class Colours:
    """What the codes of a file mean: its curve and the way to linear Rec. 709."""

    response: Response
    to_rec709: Matrix
    note: str = ""


def colours_in(space: RgbSpace | str, curve: str) -> Colours:
    """Describe RGB with given primaries and a named curve."""
    primaries = SPACES[space] if isinstance(space, str) else space
    return Colours(named_response(curve), to_rec709(primaries))


def coded_colours(primaries: int, transfer: int) -> Colours | None:
    """Give the colours of H.273 code points (nclx, cICP); None where they say nothing.

    Raises ReadError for PQ and HLG: such pictures are merged already.
    """
    if transfer in HDR_TRANSFERS:
        raise ReadError(
            f"is an HDR picture ({HDR_TRANSFERS[transfer]}), not one exposure of a bracket; "
            "give the frames it was made from"
        )
    if primaries not in CODED_PRIMARIES and transfer not in CODED_TRANSFERS:
        return None
    space = CODED_PRIMARIES.get(primaries, "rec709")
    return colours_in(space, CODED_TRANSFERS.get(transfer, "srgb"))


@lru_cache(maxsize=16)
def profile_colours(profile: bytes) -> Colours | None:
    """Read a grey or RGB profile of curves and primaries; None if it is made of tables or unusable.

    Raises ReadError for a profile that declares PQ or HLG.
    """
    try:
        return _parsed(profile)
    except (KeyError, IndexError, ValueError, ZeroDivisionError, struct.error):
        return None


def gamma_name(gamma: float) -> str:
    """Name a power law; "" for an exponent that no response has.

    Example:
        >>> gamma_name(1.0), gamma_name(563 / 256), gamma_name(9.0)
        ('linear', 'gamma2.1992', '')
    """
    exponent = round(gamma, 4)
    if exponent == 1:
        return "linear"
    return f"gamma{exponent:g}" if 1 < exponent <= 4 else ""


def profile_description(profile: bytes) -> str:
    """Give the name of a profile, "colour profile" if it has none."""
    try:
        return _description(_profile_tags(profile)["desc"]) or "colour profile"
    except (KeyError, IndexError, ValueError, struct.error):
        return "colour profile"


def converted_to_srgb(codes: Shaped[np.ndarray, "h w c"], profile: bytes) -> Pixels:
    """Convert pixels to sRGB through a profile's tables (Little CMS), a strip at a time.

    Raises ReadError if the profile does not fit the pixels.
    """
    import imagecodecs

    srgb = imagecodecs.cms_profile("srgb")
    source = {3: "rgb", 4: "cmyk"}[codes.shape[2]]
    pixels = np.empty((*codes.shape[:2], 3), codes.dtype)
    rows = max(1, (1 << 20) // codes.shape[1])
    try:
        for top in range(0, codes.shape[0], rows):
            strip = np.ascontiguousarray(codes[top : top + rows])
            pixels[top : top + rows] = imagecodecs.cms_transform(
                strip, profile, srgb, colorspace=source, outcolorspace="rgb"
            )
    except (RuntimeError, ValueError) as error:
        raise ReadError(
            f"has a colour profile ({profile_description(profile)}) that does not fit its pixels; "
            "convert the picture to sRGB"
        ) from error
    return pixels


def _parsed(profile: bytes) -> Colours:
    """Read curves and primaries, raising whatever a damaged profile leads to."""
    with np.errstate(all="ignore"):
        tags = _profile_tags(profile)
        if "cicp" in tags and tags["cicp"][9] in HDR_TRANSFERS:
            coded_colours(tags["cicp"][8], tags["cicp"][9])
        if profile[16:20] == b"GRAY":
            return Colours(_response([tags["kTRC"]] * 3, tags), np.eye(3))
        response = _response([tags[name] for name in ("rTRC", "gTRC", "bTRC")], tags)
        columns = [_xyz(tags[name]) for name in ("rXYZ", "gXYZ", "bXYZ")]
        return Colours(response, _matrix(np.stack(columns, axis=1)))


def _profile_tags(profile: bytes) -> dict[str, bytes]:
    """Cut a profile into its tags."""
    if profile[36:40] != b"acsp":
        raise ValueError("not a colour profile")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for index in range(min(count, 100)):
        name, offset, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        tags[name.decode("latin-1")] = profile[offset : offset + size]
    return tags


def _xyz(tag: bytes) -> Float[np.ndarray, " 3"]:
    """Read an XYZType."""
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _matrix(colorants: Matrix) -> Matrix:
    """Turn colorants, relative to the D50 of the connection space, into a matrix to Rec. 709.

    Their sum is the profile's white; whatever it is exactly, it maps to white.
    """
    rec709 = SPACES["rec709"]
    target = adapt_white(xyz_of(rec709.white), PCS_WHITE) @ rgb_to_xyz(rec709)
    adapted = adapt_white(colorants.sum(axis=1), PCS_WHITE) @ colorants
    matrix = keep_white(np.linalg.solve(target, adapted))
    return np.eye(3) if np.abs(matrix - np.eye(3)).max() < SAME_MATRIX else matrix


def _response(curves: list[bytes], tags: dict[str, bytes]) -> Response:
    """Read the curves of red, green and blue; a standard curve gets its standard name."""
    table = np.stack([_curve(curve) for curve in curves])
    if not np.isfinite(table).all():
        raise ValueError("a curve without end")
    names = ["srgb", "linear", "rec709", *filter(None, [_gamma_name(curves[0])])]
    for name in names:
        standard = named_response(name)
        if np.abs(standard.table - table).max() < SAME_CURVE:
            return standard
    table = table.astype(np.float32)
    table.setflags(write=False)
    return Response(_description(tags.get("desc", b"")) or "colour profile", table)


def _curve(tag: bytes) -> Curve:
    """Sample a curveType or parametricCurveType over the codes (ICC.1 10.6 and 10.18)."""
    code = np.linspace(0, 1, SAMPLES)
    if tag[:4] == b"para":
        return _parametric(tag, code)
    if tag[:4] != b"curv":
        raise ValueError(f"a curve of type {tag[:4]!r}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count < 2:
        return code ** (struct.unpack_from(">H", tag, 12)[0] / 256 if count else 1.0)
    entries = np.frombuffer(tag, ">u2", count, 12) / 65535
    return np.interp(code, np.linspace(0, 1, count), entries)


def _parametric(tag: bytes, code: Curve) -> Curve:
    """Sample one of the five parametric curves: (a x + b)^g + e from d on, c x + f below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    count = (1, 3, 4, 5, 7)[kind]
    given = (np.array(struct.unpack_from(f">{count}i", tag, 12)) / 65536).tolist()
    g, a, b, c, d, e, f = given + [0.0] * (7 - count)
    if kind == 0:
        a, b, d = 1.0, 0.0, 0.0
    if kind in (1, 2):
        c, d, e, f = 0.0, -b / a, c, c
    curved = np.maximum(a * code + b, 0) ** g + e
    return np.clip(np.where(code >= d, curved, c * code + f), 0, 1)


def _gamma_name(tag: bytes) -> str:
    """Name the pure power law of a curve, "" if it is not one."""
    if tag[:4] == b"curv" and struct.unpack_from(">I", tag, 8) == (1,):
        gamma = struct.unpack_from(">H", tag, 12)[0] / 256
    elif tag[:4] == b"para" and struct.unpack_from(">H", tag, 8) == (0,):
        gamma = struct.unpack_from(">i", tag, 12)[0] / 65536
    else:
        middle = _curve(tag)[SAMPLES // 2]
        gamma = round(float(np.log(middle) / np.log(0.5)), 1) if 0 < middle < 1 else 0.0
    return gamma_name(gamma)


def _description(tag: bytes) -> str:
    """Read the text of a textDescriptionType or the first text of a multiLocalizedUnicodeType."""
    if tag[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", tag, 20)
        return tag[offset : offset + length].decode("utf-16-be", "replace").strip("\0 ")
    return tag[12:].split(b"\0", 1)[0].decode("latin-1").strip()
