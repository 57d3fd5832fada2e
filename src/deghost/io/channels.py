"""Three channels of 8 or 16 bits or of floating point, from whatever a decoder gives."""

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from deghost.errors import ReadError
from deghost.io.decode import Decoded


COLOURS_OF = {"grey": 1, "rgb": 3, "cmyk": 4}
ROWS_CHECKED = 256
MANY_BEYOND = 0.001  # of the values
BEYOND = "exceed 1.0 and count as clipped; if they are not, divide all by where they clip"


def stored_channels(
    decoded: Decoded,
) -> tuple[Shaped[np.ndarray, "h w c"], UInt8[np.ndarray, "h w"] | None, list[str]]:
    """Split off alpha, scale codes of odd depths to 8 or 16 bits, check floating point.

    Alpha is None where all is opaque. Raises ReadError for samples that cannot be codes.
    """
    codes, notes = decoded.codes, list(decoded.notes)
    if codes.ndim == 2:
        codes = codes[..., None]
    colours = COLOURS_OF[decoded.model]
    if codes.ndim != 3 or codes.shape[2] < colours:
        raise ReadError(f"holds an array of shape {codes.shape}; save it as an RGB picture")
    alpha = None
    if codes.shape[2] > colours:
        notes.append("its alpha channel is left out")
        alpha = opacity(codes[..., colours], decoded.depth) if decoded.alpha else None
        codes = codes[..., :colours]
    if codes.dtype.kind == "f":
        checked, found = finite_pixels(np.ascontiguousarray(codes, np.float32))
        return checked, alpha, notes + found
    return scaled_codes(codes, decoded.depth), alpha, notes


def opacity(
    alpha: Shaped[np.ndarray, "h w"], depth: int | None = None
) -> UInt8[np.ndarray, "h w"] | None:
    """Bring an alpha channel to 0 (transparent) to 255 (opaque); None if all of it is opaque.

    Example:
        >>> opacity(np.array([[0, 700, 1023]], np.uint16), 10).tolist()
        [[0, 175, 255]]
    """
    depth = depth or 8 * alpha.dtype.itemsize
    if alpha.dtype.kind == "u" and depth >= 8:
        scaled = np.minimum(alpha >> (depth - 8), 255).astype(np.uint8)
    else:
        white = 2**depth - 1 if alpha.dtype.kind == "u" else 1
        share = np.nan_to_num(np.divide(alpha, white, dtype=np.float32), nan=0.0)
        scaled = np.rint(255 * share.clip(0, 1)).astype(np.uint8)
    return scaled if scaled.size and scaled.min() < 255 else None


def finite_pixels(
    pixels: Float32[np.ndarray, "h w c"],
) -> tuple[Float32[np.ndarray, "h w c"], list[str]]:
    """Clip negative values to 0, in place where that is allowed, and say how many there were.

    Also say if many lie beyond 1.0, where a frame clips: nothing in a float file tells where else.

    Raises ReadError for NaN and infinite values: no exposure of theirs can be told.
    """
    strips = range(0, pixels.shape[0], ROWS_CHECKED)
    bad = sum(_count(~np.isfinite(pixels[top : top + ROWS_CHECKED])) for top in strips)
    if bad:
        raise ReadError(f"has {bad} values that are NaN or infinite; mend them and save it again")
    beyond = sum(_count(pixels[top : top + ROWS_CHECKED] > 1) for top in strips) / pixels.size
    notes = [f"{beyond:.1%} of its values {BEYOND}"] if beyond > MANY_BEYOND else []
    negative = sum(_count(pixels[top : top + ROWS_CHECKED] < 0) for top in strips)
    if not negative:
        return pixels, notes
    clipped = np.require(pixels, requirements="W")
    np.maximum(clipped, 0, out=clipped)
    return clipped, [f"{negative} negative values were set to 0", *notes]


def scaled_codes(
    codes: Shaped[np.ndarray, "h w c"], depth: int | None
) -> Shaped[np.ndarray, "h w c"]:
    """Scale codes of `depth` bits to the whole range of 8 or 16, so that white is the last code.

    Example:
        >>> scaled_codes(np.array([[[0, 512, 1023]]], np.uint16), 10).tolist()
        [[[0, 32800, 65535]]]
    """
    if codes.dtype == np.bool_:
        codes = codes.astype(np.uint8)
    if codes.dtype not in (np.uint8, np.uint16):
        raise ReadError(f"has samples of type {codes.dtype}; save it with 8 or 16 bits a channel")
    bits = 8 * codes.dtype.itemsize
    if depth is None or depth >= bits:
        return np.ascontiguousarray(codes)
    white = 2**bits - 1
    table = np.arange(2**depth, dtype=np.uint64) * white
    table = ((table + 2 ** (depth - 1) - 1) // (2**depth - 1)).astype(codes.dtype)
    return table.take(codes, mode="clip")


def _count(mask: Shaped[np.ndarray, "..."]) -> int:
    return int(np.count_nonzero(mask))
