"""From the bytes of a file to its codes: one decoder a format, colours and alpha as stored."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Shaped, UInt16

from deghost.errors import ReadError
from deghost.io.header import Header, check_jpeg_complete, png_pixels
from deghost.io.heif import check_boxes_complete


Codes = Shaped[np.ndarray, "h w c"] | Shaped[np.ndarray, "h w"]
Model = Literal["rgb", "grey", "cmyk"]

MODELS: dict[int, Model] = {1: "grey", 2: "grey", 3: "rgb", 4: "rgb"}
TIFF_MODELS: dict[str, Model] = {
    "MINISWHITE": "grey",
    "MINISBLACK": "grey",
    "RGB": "rgb",
    "PALETTE": "rgb",
    "SEPARATED": "cmyk",
}
SEPARATE = 2  # planar configuration: colour after colour; files of one colour may state none
ALPHA = {1, 2}  # further samples of a TIFF that are alpha; 0 may be anything, such as a selection
# What tifffile raises, besides errors of its own, for tags that make no sense.
TIFF_DAMAGES = (AttributeError, KeyError, TypeError, ZeroDivisionError)


@dataclass(frozen=True)
class Decoded:
    """The codes of a picture with what is known of their channels."""

    codes: Codes
    model: Model = "rgb"
    depth: int | None = None  # bits a sample, where fewer than the array's
    notes: tuple[str, ...] = ()
    alpha: bool = True  # whether a channel after the colours says how opaque they are


def decode_jpeg(blob: bytes, header: Header) -> Decoded:
    """Decode a JPEG file; its length is checked, since decoders fill what is missing with grey."""
    import imagecodecs

    check_jpeg_complete(blob)
    codes = imagecodecs.jpeg8_decode(blob)
    if codes.ndim == 3 and codes.shape[2] == 4:
        return Decoded(255 - codes if header.inverted else codes, "cmyk")
    return _decoded(codes, header.depth)


def decode_png(blob: bytes, header: Header) -> Decoded:
    """Decode a PNG file of any kind to 8 or 16 bits; palettes are expanded."""
    import imagecodecs

    return _decoded(imagecodecs.png_decode(png_pixels(blob)), header.depth)


def decode_webp(blob: bytes, header: Header) -> Decoded:
    """Decode a WebP file, of an animation the first picture."""
    import imagecodecs

    return _decoded(imagecodecs.webp_decode(blob), header.depth)


def decode_avif(blob: bytes, header: Header) -> Decoded:
    """Decode an AVIF file, as it lies; 10- and 12-bit codes are not scaled yet."""
    import imagecodecs

    return _decoded(imagecodecs.avif_decode(blob, index=0), header.depth)


def decode_jpegxl(blob: bytes, header: Header) -> Decoded:
    """Decode a JPEG XL file, upright; integer codes are not scaled yet."""
    import imagecodecs

    decoded = _decoded(imagecodecs.jpegxl_decode(blob, index=0), header.depth)
    if header.colours is None:
        note = "the colour profile inside a JPEG XL file cannot be read: taken as sRGB"
        return Decoded(decoded.codes, decoded.model, decoded.depth, (*decoded.notes, note))
    return decoded


def decode_heic(blob: bytes, header: Header) -> Decoded:
    """Decode the primary picture of a HEIC file, upright; codes above 8 bits are shifted up."""
    import pi_heif

    check_boxes_complete(BytesIO(blob))
    picture = pi_heif.open_heif(blob, convert_hdr_to_8bit=False)
    codes = np.array(picture)  # a copy: its memory goes with the picture
    depth = picture.info.get("bit_depth", 8)
    if codes.dtype == np.uint16 and depth < 16:
        return _decoded(codes >> (16 - depth), depth)
    return _decoded(codes, None)


def decode_tiff(path: Path) -> Decoded:
    """Decode the first full-size picture of a TIFF file.

    Raises ReadError for colour models that are not RGB, grey, palette or CMYK.
    """
    import tifffile

    logger = logging.getLogger("tifffile")
    if not logger.hasHandlers():  # or Python prints its warnings
        logger.addHandler(logging.NullHandler())
    try:
        with tifffile.TiffFile(path) as file:
            return _decoded_page(file)
    except TIFF_DAMAGES as error:
        raise ReadError("has damaged tags; copy it again from the camera") from error


DECODERS: dict[str, Callable[[bytes, Header], Decoded]] = {
    "jpeg": decode_jpeg,
    "png": decode_png,
    "webp": decode_webp,
    "avif": decode_avif,
    "jpegxl": decode_jpegxl,
    "heic": decode_heic,
}


def _decoded(codes: Codes, depth: int | None) -> Decoded:
    """Tell grey from RGB by the number of channels."""
    channels = 1 if codes.ndim == 2 else codes.shape[2]
    return Decoded(codes, MODELS[channels], depth)


def _decoded_page(file: Any) -> Decoded:
    """Decode the first full-size page of an open TIFF file."""
    page, count = _first_full_page(file)
    photometric = page.photometric.name if page.photometric is not None else "MINISBLACK"
    is_jpeg = photometric == "YCBCR" and page.compression.name == "JPEG"  # decoded to RGB
    model = "rgb" if is_jpeg else TIFF_MODELS.get(photometric)
    if model is None:
        raise ReadError(f"is a TIFF of {photometric} colours; save it as RGB")
    codes = page.asarray()
    if page.planarconfig == SEPARATE and codes.ndim == 3:
        codes = np.ascontiguousarray(codes.transpose(1, 2, 0))
    if photometric == "PALETTE":
        return Decoded(_palette(page.colormap)[codes], "rgb")
    if photometric == "MINISWHITE" and codes.dtype.kind == "u":
        codes = (2**page.bitspersample - 1) - codes
    depth = None if codes.dtype.kind == "f" else page.bitspersample
    alpha = bool(ALPHA & set(page.extrasamples[:1]))
    return Decoded(codes, model, depth, _tiff_notes(page, count), alpha)


def _first_full_page(file: Any) -> tuple[Any, int]:
    """The first page that is no thumbnail, and the number of such pages."""
    pages = list(file.pages)
    full = [page for page in pages if not page.subfiletype & 1] or pages
    return full[0], len(full)


def _palette(colormap: UInt16[np.ndarray, "3 k"]) -> Shaped[np.ndarray, "k 3"]:
    """The colours of a palette; in 8 bits if it holds those, times 256 or times 257."""
    low, high = colormap & 255, colormap >> 8
    is_short = not low.any() or (low == high).all()
    return np.ascontiguousarray(high.astype(np.uint8).T if is_short else colormap.T)


def _tiff_notes(page: Any, count: int) -> tuple[str, ...]:
    """Tell of further pages and of premultiplied alpha."""
    notes = [f"the first of {count} pictures was read"] if count > 1 else []
    if 1 in page.extrasamples:
        notes.append("its colours are multiplied by its alpha channel")
    return tuple(notes)
