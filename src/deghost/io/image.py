"""Read one exposure from a file of any format, upright, as the codes that were stored."""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BufferedIOBase, BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from deghost.errors import ReadError
from deghost.io.channels import finite_pixels, stored_channels
from deghost.io.decode import DECODERS, Decoded, decode_tiff
from deghost.io.exif import capture_of, is_adobe_rgb, orientation_of
from deghost.io.exr import read_exr
from deghost.io.header import (
    Header,
    read_jpeg_header,
    read_png_header,
    read_tiff_header,
    read_webp_header,
)
from deghost.io.heif import read_heic_header, read_heif_header
from deghost.io.icc import (
    Colours,
    colours_in,
    converted_to_srgb,
    profile_colours,
    profile_description,
)
from deghost.io.ifd import is_cut_short, read_directories
from deghost.io.jpegxl import read_jpegxl_header
from deghost.io.orientation import upright
from deghost.io.radiance_file import Attributes, metadata_from
from deghost.io.raw import (
    RAW_SUFFIXES,
    has_raw_signature,
    is_raw_tiff,
    read_raw,
    read_raw_capture,
)
from deghost.io.rgbe import read_rgbe
from deghost.radiometry.response import named_response
from deghost.types import Capture, Frame, Pixels


FORMATS = "JPEG, PNG, TIFF, HEIC, AVIF, WebP, JPEG XL, OpenEXR, Radiance or camera RAW"
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\x0a", "jpegxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jpegxl"),
    (b"\x76\x2f\x31\x01", "exr"),
    (b"#?", "radiance"),
    *((signature, "tiff") for signature in TIFF_SIGNATURES),
)
RADIANCE_FORMATS = ("exr", "radiance")
LONGEST_RADIANCE_HEADER = 1 << 16
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
HEADERS: dict[str, Callable[[BufferedIOBase], Header]] = {
    "jpeg": read_jpeg_header,
    "png": read_png_header,
    "webp": read_webp_header,
    "avif": read_heif_header,
    "heic": read_heic_header,
    "jpegxl": read_jpegxl_header,
    "tiff": read_tiff_header,
}
# What decoders raise for damaged files; Little CMS, libjpeg ... have RuntimeErrors of their own.
DAMAGES = (RuntimeError, ValueError, EOFError, SyntaxError, IndexError, struct.error)
REASONS = {
    FileNotFoundError: "does not exist; check the path",
    IsADirectoryError: "is a folder; give the files in it",
    PermissionError: "may not be read; change its permissions",
    MemoryError: "does not fit into memory; use a smaller picture",
}


def read_frame(path: Path) -> Frame:
    """Read one exposure: RGB codes as stored, upright, with their curve, colours and capture.

    The format is told by the file's first bytes. Codes of 10 or 12 bits are scaled to 16, grey
    becomes RGB, alpha is kept apart, CMYK and profiles made of tables are converted to sRGB.
    Raises ReadError.
    """
    kind = format_of(path)
    if kind == "raw":
        return read_raw(path)
    if kind in RADIANCE_FORMATS:
        return _radiance_frame(path, kind)
    with _errors_naming(path):
        if kind == "tiff":
            with path.open("rb") as stream:
                header = read_tiff_header(stream)
            if is_cut_short(header.directories, path.stat().st_size):
                raise ReadError("is cut short; copy it again from the camera")
            return _frame(path, header, decode_tiff(path))
        blob = path.read_bytes()
        header = HEADERS[kind](BytesIO(blob))
        return _frame(path, header, DECODERS[kind](blob, header))


def read_capture(path: Path) -> Capture:
    """Read what the camera wrote about a frame, without decoding its pixels. Raises ReadError."""
    kind = format_of(path)
    with _errors_naming(path):
        if kind == "raw":
            return read_raw_capture(path)
        if kind in RADIANCE_FORMATS:
            return metadata_from(_radiance_attributes(path, kind)).capture
        with path.open("rb") as stream:
            return capture_of(HEADERS[kind](stream).directories)


def format_of(path: Path) -> str:
    """Tell the format of a file by its first bytes; of some RAW formats also by its name.

    Raises ReadError for a file of no known format or one that cannot be opened.
    """
    with _errors_naming(path):
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ReadError("is no ordinary file; save it to one first")
        with path.open("rb") as stream:
            head = stream.read(64)
            if not head:
                raise ReadError("is empty; copy it again from the camera")
            is_tiff = head.startswith(TIFF_SIGNATURES)
            if has_raw_signature(head) or (is_tiff and is_raw_tiff(read_directories(stream))):
                return "raw"
        kind = _container_of(head)
        if kind in (None, "tiff") and path.suffix.lower() in RAW_SUFFIXES:
            return "raw"
        if kind is None:
            raise ReadError(f"is not a picture this program reads; give {FORMATS}")
        return kind


def _container_of(head: bytes) -> str | None:
    """The format that a file's first bytes tell, None for an unknown one."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        size = int.from_bytes(head[:4], "big")
        brands = {head[at : at + 4] for at in range(8, min(size, len(head)), 4)}
        if brands & AVIF_BRANDS:
            return "avif"
        return "heic" if brands & HEIF_BRANDS else None
    return next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)


@contextmanager
def _errors_naming(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong in reading into one ReadError that names the file."""
    try:
        yield
    except (ReadError, OSError, MemoryError, *DAMAGES) as error:
        raise ReadError(f"{path.name or path} {_reason(error, path)}") from error


def _reason(error: BaseException, path: Path) -> str:
    """Say what is wrong with a file, and what to do."""
    if isinstance(error, ReadError):
        return str(error)
    known = next((words for kind, words in REASONS.items() if isinstance(error, kind)), None)
    if known is not None:
        return known
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read: {error.strerror}; check the path {path}"
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return f"is damaged or cut short ({reason}); copy it again from the camera"


def _frame(path: Path, header: Header, decoded: Decoded) -> Frame:
    """Bring decoded codes into the one shape of frames."""
    codes, alpha, notes = stored_channels(decoded)
    if decoded.model == "grey":
        notes.append("a grey picture: its one channel serves as red, green and blue")
        codes = np.repeat(codes, 3, axis=2)
    pixels, colours = _coloured(codes, header)
    orientation = header.orientation or orientation_of(header.directories)
    return Frame(
        path=path,
        pixels=upright(pixels, orientation),
        response=colours.response,
        to_rec709=colours.to_rec709,
        capture=capture_of(header.directories),
        kind="float" if pixels.dtype == np.float32 else "encoded",
        notes=(*notes, *filter(None, [colours.note])),
        grey=decoded.model == "grey",
        alpha=None if alpha is None else upright(alpha, orientation),
    )


def _coloured(codes: Shaped[np.ndarray, "h w c"], header: Header) -> tuple[Pixels, Colours]:
    """Say what the codes mean; those that only tables explain are converted to sRGB."""
    profile = header.profile
    colours = profile_colours(profile) if profile else header.colours
    model = profile[16:20]
    if codes.shape[2] == 4 and model != b"CMYK":
        raise ReadError("is a CMYK picture without a colour profile; convert it to RGB")
    if codes.shape[2] == 4 or (colours is None and model == b"RGB "):
        note = f"converted from {profile_description(profile)} to sRGB"
        return converted_to_srgb(codes, profile), replace(colours_in("rec709", "srgb"), note=note)
    if colours is not None:
        return codes, colours
    colours = _colours_without_profile(header, codes.dtype == np.float32)
    note = "its colour profile cannot be used and is left aside" if profile else ""
    return codes, replace(colours, note=note)


def _colours_without_profile(header: Header, is_float: bool) -> Colours:
    """What codes mean by EXIF or by custom: Adobe RGB, linear for floating point, else sRGB."""
    if is_float:
        return colours_in("rec709", "linear")
    if is_adobe_rgb(header.directories):
        return colours_in("adobe-rgb", "gamma2.1992")  # 563/256
    return colours_in("rec709", "srgb")


def _radiance_frame(path: Path, kind: str) -> Frame:
    """Read an OpenEXR or Radiance file as a linear exposure."""
    file = read_exr(path) if kind == "exr" else read_rgbe(path)
    with _errors_naming(path):
        pixels, notes = finite_pixels(file.pixels)
    capture = metadata_from(file.attributes).capture
    linear = named_response("linear")
    return Frame(
        path, pixels, linear, file.to_rec709, capture, "float", tuple(notes), alpha=file.alpha
    )


def _radiance_attributes(path: Path, kind: str) -> Attributes:
    """Read the attributes at the start of an OpenEXR or Radiance file."""
    if kind == "exr":
        import OpenEXR

        with OpenEXR.File(str(path), header_only=True) as file:
            header = dict(file.parts[0].header)
        plain = (str, float, int)
        return {name: value for name, value in header.items() if isinstance(value, plain)}
    with path.open("rb") as stream:
        lines = stream.read(LONGEST_RADIANCE_HEADER).split(b"\n\n", 1)[0].decode("latin-1")
    return {
        name.strip(): value.strip()
        for name, equals, value in (line.partition("=") for line in lines.splitlines())
        if equals
    }
