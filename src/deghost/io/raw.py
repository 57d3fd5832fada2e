"""Camera RAW files, developed by LibRaw to linear RGB of the camera, white-balanced and clipped."""

import struct
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from deghost.errors import ReadError
from deghost.io.exif import capture_of
from deghost.io.header import Header, read_jpeg_header
from deghost.io.heif import read_cr3_header
from deghost.io.ifd import Directories, is_cut_short, read_directories
from deghost.radiometry.colour import SPACES, keep_white, rgb_to_xyz
from deghost.radiometry.response import named_response
from deghost.types import Capture, Frame, Matrix


WhiteBalance = tuple[float, float, float]  # what red, green and blue are multiplied by

# fmt: off
RAW_SUFFIXES = frozenset({
    ".3fr", ".arq", ".arw", ".bay", ".cap", ".cr2", ".cr3", ".crw", ".dcr",
    ".dcs", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc", ".mdc",
    ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".raf",
    ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".sti", ".x3f",
})
# fmt: on
RAW_SIGNATURES = {
    0: (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM"),
    4: (b"ftypcrx",),
    6: (b"HEAPCCDR",),
    8: (b"CR\x02",),
}
MOSAIC_PHOTOMETRICS = {32803, 34892}  # a colour filter array; linear RAW
DNG_VERSION, PHOTOMETRIC = 50706, 262

PLATEAU_FLOOR = 0.75  # of the nominal white: below, no sensor clips
PLATEAU_SHARE = 1e-4  # of the picture's pixels
PLATEAU_HEIGHT = 30  # times the mean count of the codes below it
PLATEAU_BELOW = 256  # codes, of which half must occur: a drawn picture has peaks of its own
HOT_SHARE = 0.01  # of the plateau: hot pixels and amplifier noise may lie above it


def has_raw_signature(head: bytes) -> bool:
    """Whether a file begins as one of the RAW formats that are not plain TIFF."""
    return any(head.startswith(known, at) for at, known in RAW_SIGNATURES.items())


def is_raw_tiff(directories: Directories) -> bool:
    """Whether the directories of a TIFF file are those of a RAW file: DNG, NEF, ARW, PEF."""
    parts = (directories.image, *directories.parts)
    photometrics = (part[PHOTOMETRIC].numbers for part in parts if PHOTOMETRIC in part)
    mosaic = any(MOSAIC_PHOTOMETRICS.intersection(numbers) for numbers in photometrics)
    return mosaic or DNG_VERSION in directories.image


def read_raw(path: Path, half: bool = False, white_balance: WhiteBalance | None = None) -> Frame:
    """Develop a RAW file to 16-bit linear RGB of the camera, upright and white-balanced.

    Black is subtracted and each channel clipped at the sensor's white before the smallest
    multiplier of the white balance is made 1: whatever clips reads 65535 in all channels, and so
    does what the balance lifts beyond that. `half` makes one pixel of each 2 x 2. The frames of one
    bracket should share the `white_balance` of one of them, where the camera chose differently.
    Demosaicing is DHT, three-pass for X-Trans.
    Raises ReadError.
    """
    import rawpy

    _check_complete(path)
    try:
        with rawpy.imread(str(path)) as raw:
            notes = _mark_clipped(raw)
            balance, balance_notes = (white_balance, ()) if white_balance else _balance(raw)
            pixels = raw.postprocess(
                demosaic_algorithm=rawpy.DemosaicAlgorithm.DHT,
                half_size=half,
                user_wb=[*balance, balance[1]],
                output_color=rawpy.ColorSpace.raw,
                output_bps=16,
                gamma=(1, 1),
                no_auto_bright=True,
                adjust_maximum_thr=0.0,  # or LibRaw scales each frame by its own brightest pixel
                highlight_mode=rawpy.HighlightMode.Clip,
            )
            matrix = _matrix(raw)
    except rawpy.LibRawFileUnsupportedError as error:
        message = f"{path.name} is no RAW file that LibRaw reads; convert it to DNG or TIFF"
        raise ReadError(message) from error
    except rawpy.LibRawError as error:
        message = f"{path.name} is damaged or cut short; copy it again from the camera"
        raise ReadError(message) from error
    if pixels.shape[2] not in (1, 3):
        raise ReadError(f"{path.name} has {pixels.shape[2]} colours; convert it to a linear DNG")
    pixels = np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    response = named_response("linear")
    capture = read_raw_capture(path)
    return Frame(path, pixels, response, matrix, capture, "raw", (*notes, *balance_notes))


def read_white_balance(path: Path) -> WhiteBalance:
    """Read the white balance that a RAW file would be developed with. Raises ReadError."""
    import rawpy

    try:
        with rawpy.RawPy() as raw:
            raw.open_file(str(path))
            return _balance(raw)[0]
    except rawpy.LibRawError as error:
        raise ReadError(f"{path.name} is no RAW file that LibRaw reads; convert it") from error


def read_raw_capture(path: Path) -> Capture:
    """Read what the camera wrote about a RAW frame, without developing it."""
    with path.open("rb") as stream:
        header = read_raw_header(stream)
    if header.directories.image or header.directories.exif:
        return capture_of(header.directories)
    return _capture_by_libraw(path)


def read_raw_header(stream: BufferedIOBase) -> Header:
    """Read the tags of a RAW file; none where its format keeps them in a way of its own."""
    head = stream.read(92)
    if head.startswith(b"FUJIFILM"):
        stream.seek(struct.unpack_from(">I", head.ljust(92, b"\0"), 84)[0])
        return read_jpeg_header(stream)
    if head[4:11] == b"ftypcrx":
        return read_cr3_header(stream)
    return Header(read_directories(stream))


def _check_complete(path: Path) -> None:
    """Make sure that a DNG holds all its pixels, for LibRaw complains on the terminal.

    Other formats have directories of their own minds, so there LibRaw decides.
    """
    try:
        with path.open("rb") as stream:
            directories = read_directories(stream)
    except OSError as error:
        raise ReadError(f"{path.name} cannot be opened; check the path {path}") from error
    if DNG_VERSION in directories.image and is_cut_short(directories, path.stat().st_size):
        raise ReadError(f"{path.name} is cut short; copy it again from the camera")


def _capture_by_libraw(path: Path) -> Capture:
    """Read what LibRaw knows of a frame; nothing if it knows nothing."""
    import rawpy

    try:
        with rawpy.RawPy() as raw:
            raw.open_file(str(path))
            other, lens = raw.other, raw.lens
    except rawpy.LibRawError:
        return Capture()
    return Capture(
        time=other.shutter_speed or None,
        aperture=other.aperture or None,
        iso=other.iso_speed or None,
        focal_length=other.focal_length or None,
        date=f"{other.timestamp:%Y:%m:%d %H:%M:%S}" if other.timestamp.timestamp() > 0 else None,
        lens_make=lens.make or None,
        lens=lens.model or None,
        owner=other.artist or None,
    )


def _balance(raw: Any) -> tuple[WhiteBalance, tuple[str, ...]]:
    """The camera's white balance, or that of daylight, or none."""
    red, green, blue, _ = raw.camera_whitebalance
    if min(red, green, blue) > 0:
        return (red, green, blue), ()
    red, green, blue, _ = raw.daylight_whitebalance
    if min(red, green, blue) > 0:
        return (red, green, blue), ("no white balance: daylight assumed",)
    return (1.0, 1.0, 1.0), ("no white balance: the camera's colours are left as they are",)


def _matrix(raw: Any) -> Matrix:
    """The matrix from white-balanced camera RGB to linear Rec. 709; grey stays grey.

    LibRaw has the XYZ-to-camera matrix (D65) of the cameras it knows, and for DNG files the
    finished matrix instead.
    """
    xyz_to_camera = raw.rgb_xyz_matrix[:3].astype(np.float64)
    finished = raw.color_matrix[:, :3].astype(np.float64)
    if np.linalg.matrix_rank(xyz_to_camera) == 3:
        return np.linalg.inv(keep_white(xyz_to_camera @ rgb_to_xyz(SPACES["rec709"])))
    return keep_white(finished) if np.linalg.matrix_rank(finished) == 3 else np.eye(3)


def _mark_clipped(raw: Any) -> tuple[str, ...]:
    """Raise the codes at which a sensor clips below its nominal white to that white.

    Some sensors clip earlier than the file says, at some sensitivities only. The pixels at that
    plateau must read white, while the scale of the others stays that of the other frames.
    """
    mosaic = raw.raw_image if raw.raw_type.name == "Flat" else None
    if mosaic is None or mosaic.ndim != 2:
        return ()
    level = _plateau(mosaic, min(raw.black_level_per_channel), raw.white_level)
    if level is None:
        return ()
    for row in mosaic:
        row[row >= level] = raw.white_level
    return (f"the sensor clips at {level}, below its nominal white of {raw.white_level}",)


def _plateau(mosaic: Shaped[np.ndarray, "h w"], black: int, white: int) -> int | None:
    """The code at which a noisy picture ends with many pixels, if it is below white, or None."""
    floor = black + int(PLATEAU_FLOOR * (white - black))
    counts = np.zeros(1 << 16, np.int64)
    for strip in np.array_split(mosaic, max(1, mosaic.size >> 20)):
        counts += np.bincount(strip[strip >= floor], minlength=1 << 16)
    level = int(counts.argmax())
    below = counts[max(level - PLATEAU_BELOW, 0) : level]
    if not floor < level < white or np.count_nonzero(below) < PLATEAU_BELOW // 2:
        return None
    is_high = counts[level] > max(PLATEAU_SHARE * mosaic.size, PLATEAU_HEIGHT * below.mean())
    is_last = counts[level + 1 :].sum() < HOT_SHARE * counts[level]
    return level if is_high and is_last else None
