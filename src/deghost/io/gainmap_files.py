"""Ultra HDR pictures: a JPEG for every screen, with a gain map that restores the highlights.

Android's Ultra HDR Image Format v1.1 and ISO 21496-1, both kinds of metadata in one file. The
codecs of imagecodecs make the two pictures; everything that joins them is made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8

from deghost.errors import ReadError, WriteError
from deghost.io.atomic import atomic_path, check_target
from deghost.io.exif import orientation_of
from deghost.io.gainmap_metadata import (
    ISO_NAMESPACE,
    ISO_VERSION,
    XMP_NAMESPACE,
    gain_map_xmp,
    iso_payload,
    parse_iso,
    parse_xmp,
    primary_xmp,
)
from deghost.io.header import read_jpeg_header
from deghost.io.icc import profile_colours
from deghost.io.jpeg_segments import (
    APP1,
    APP2,
    EXIF,
    ICC,
    LONGEST_PAYLOAD,
    MPF_SIZE,
    first_position,
    mpf_segment,
    segment,
    segments,
    split_pictures,
    with_segments,
)
from deghost.io.orientation import upright
from deghost.io.output_profiles import srgb_profile
from deghost.io.radiance_file import RadianceFile, RadiancePixels
from deghost.radiometry.gainmap import (
    Gain,
    GainMapMetadata,
    apply_gain_map,
    encode_gain,
    gain_between,
    metadata_for,
)
from deghost.radiometry.response import linearise, named_response


Encoded = UInt8[np.ndarray, "h w 3"]
MapCodes = UInt8[np.ndarray, "mh mw 3"] | UInt8[np.ndarray, "mh mw 1"]

LONGEST_SIDE = 65500
BRIGHTEST = 65504.0  # taken for infinity
ROWS = 64  # worked on at once; even, so that halved maps have no seams


@dataclass(frozen=True)
class SdrBase:
    """The picture that ordinary viewers show: sRGB, tone-mapped."""

    pixels: Encoded
    white: float = 1.0  # the radiance that its white stands for
    exif: bytes = b""  # a TIFF stream without the "Exif" before it, orientation 1


@dataclass(frozen=True)
class UltraHdrSettings:
    """How closely an Ultra HDR file keeps its two pictures."""

    quality: int = 95  # of the base picture, 1 to 100
    gain_map_quality: int = 95
    scale: int = 1  # 2: a gain map of half the width and height


def write_ultrahdr(
    path: Path,
    pixels: RadiancePixels,
    base: SdrBase,
    settings: UltraHdrSettings | None = None,
    *,
    force: bool = False,
) -> None:
    """Write linear Rec. 709 radiance as a JPEG with a gain map over `base`. Raises WriteError.

    Gains are measured against the base as a viewer decodes it, so they also undo its coding
    errors. An EXIF block too long for JPEG's 64 kB is left out.
    """
    settings = settings or UltraHdrSettings()
    if max(base.pixels.shape) > LONGEST_SIDE:
        raise WriteError(
            f"{path.name} cannot be written: a JPEG has at most {LONGEST_SIDE} pixels a side; "
            "write .exr"
        )
    check_target(path, force=force)
    picture = _jpeg(base.pixels, settings.quality)
    shown = replace(base, pixels=_decoded(picture))
    metadata = _measured_metadata(pixels, shown, settings.scale)
    codes = _encoded_map(pixels, shown, settings.scale, metadata)
    gain_map = with_segments(
        _jpeg(codes, settings.gain_map_quality),
        [
            segment(APP1, XMP_NAMESPACE + gain_map_xmp(metadata)),
            segment(APP2, ISO_NAMESPACE + iso_payload(metadata)),
        ],
    )
    primary = _primary(picture, base.exif, len(gain_map))
    with atomic_path(path, force=force, needed=len(primary) + len(gain_map)) as temporary:
        temporary.write_bytes(primary)
        with temporary.open("ab") as file:
            file.write(gain_map)


def read_ultrahdr(path: Path) -> RadianceFile:
    """Read a JPEG with an Ultra HDR or ISO 21496-1 gain map at its full range, SDR white = 1.

    Raises ReadError.
    """
    try:
        pictures = split_pictures(path.read_bytes())
        metadata, gain_map = _find_gain_map(pictures[1:])
        return _restored(pictures[0], gain_map, metadata)
    except ReadError as error:
        raise ReadError(f"{path.name} {error}") from error
    except OSError as error:
        raise ReadError(f"{path.name} cannot be read: {error.strerror}") from error


def _measured_metadata(pixels: RadiancePixels, base: SdrBase, scale: int) -> GainMapMetadata:
    """Let the content decide how far the gains reach."""
    lowest, highest, brightest = np.inf, -np.inf, 0.0
    for gain, peak in _gains(pixels, base, scale):
        lowest, highest = min(lowest, gain.min().item()), max(highest, gain.max().item())
        brightest = max(brightest, peak)
    return metadata_for(lowest, highest, brightest)


def _gains(pixels: RadiancePixels, base: SdrBase, scale: int) -> Iterator[tuple[Gain, float]]:
    """Yield the gain of one strip of rows after another, and the strip's brightest value."""
    srgb = named_response("srgb")
    for top in range(0, len(pixels), ROWS):
        strip = torch.from_numpy(pixels[top : top + ROWS].astype(np.float32)).permute(2, 0, 1)
        radiance = strip.div_(base.white).nan_to_num_(0.0, posinf=BRIGHTEST).clamp_(0, BRIGHTEST)
        gain = gain_between(linearise(base.pixels[top : top + ROWS], srgb), radiance)
        if scale > 1:
            gain = torch.nn.functional.avg_pool2d(
                gain, scale, ceil_mode=True, count_include_pad=False
            )
        yield gain, radiance.max().item()


def _encoded_map(
    pixels: RadiancePixels, base: SdrBase, scale: int, metadata: GainMapMetadata
) -> MapCodes:
    height, width = (-(-side // scale) for side in pixels.shape[:2])
    codes = np.empty((height, width, 3), np.uint8)
    top = 0
    for gain, _ in _gains(pixels, base, scale):
        encoded = encode_gain(gain, metadata).mul_(255).round_().to(torch.uint8)
        rows = gain.shape[1]
        codes[top : top + rows] = encoded.permute(1, 2, 0).numpy()
        top += rows
    return codes


def _jpeg(pixels: MapCodes, quality: int) -> bytes:
    """Encode without subsampling colours: a gain multiplies their errors."""
    import imagecodecs

    contiguous = np.ascontiguousarray(pixels)
    return bytes(imagecodecs.jpeg8_encode(contiguous, quality, subsampling="444"))


def _primary(picture: bytes, exif: bytes, gain_map_size: int) -> bytes:
    """Add to the base picture what says that a gain map follows, where, and how long it is."""
    added = [
        segment(APP1, XMP_NAMESPACE + primary_xmp(gain_map_size)),
        segment(APP2, ICC + srgb_profile()),
        segment(APP2, ISO_NAMESPACE + ISO_VERSION),
    ]
    if exif and len(EXIF + exif) <= LONGEST_PAYLOAD:
        added.insert(0, segment(APP1, EXIF + exif))
    size = len(picture) + sum(map(len, added)) + 4 + MPF_SIZE
    position = first_position(picture) + sum(map(len, added))
    return with_segments(picture, [*added, mpf_segment(size, gain_map_size, position)])


def _find_gain_map(pictures: list[bytes]) -> tuple[GainMapMetadata, bytes]:
    """Find the first picture that says of itself that it is a gain map, ISO metadata first."""
    for picture in pictures:
        payloads = [payload for _, payload in segments(picture)]
        for payload in payloads:
            if payload.startswith(ISO_NAMESPACE):
                return parse_iso(payload[len(ISO_NAMESPACE) :]), picture
        for payload in payloads:
            if payload.startswith(XMP_NAMESPACE):
                metadata = parse_xmp(payload[len(XMP_NAMESPACE) :])
                if metadata is not None:
                    return metadata, picture
    raise ReadError("has no Ultra HDR or ISO 21496-1 gain map; use it as an ordinary picture")


def _restored(primary: bytes, gain_map: bytes, metadata: GainMapMetadata) -> RadianceFile:
    header = read_jpeg_header(BytesIO(primary))
    colours = profile_colours(header.profile) if header.profile else None
    base, codes = _decoded(primary), _decoded(gain_map)
    if base.shape[2] == 1:
        base = base.repeat(3, axis=2)
    response = colours.response if colours else named_response("srgb")
    pixels = np.empty(base.shape, np.float32)
    for top in range(0, len(base), ROWS):
        linear = linearise(base[top : top + ROWS], response)
        enlarged = torch.from_numpy(_enlarged(codes, base.shape[:2], top)).permute(2, 0, 1)
        restored = apply_gain_map(linear, enlarged, metadata)
        pixels[top : top + ROWS] = restored.clamp_(min=0).permute(1, 2, 0).numpy()  # offsets round
    matrix = colours.to_rec709 if colours else np.eye(3)
    return RadianceFile(upright(pixels, orientation_of(header.directories)), matrix)


def _decoded(picture: bytes) -> MapCodes:
    import imagecodecs

    try:
        codes = imagecodecs.jpeg8_decode(picture)
    except imagecodecs.Jpeg8Error as error:
        raise ReadError("is damaged; copy it again from its source") from error
    codes = codes if codes.ndim == 3 else codes[..., None]
    if codes.dtype != np.uint8 or codes.shape[2] not in (1, 3):
        raise ReadError("is not a JPEG of 8 bits, grey or RGB; convert it")
    return codes


def _enlarged(codes: MapCodes, size: tuple[int, int], top: int) -> Float32[np.ndarray, "rows w c"]:
    """Interpolate a strip of the gain map at the size of the base picture, in [0, 1]."""
    height, width = size
    rows = np.arange(top, min(top + ROWS, height))
    position = ((rows + 0.5) * len(codes) / height - 0.5).clip(0, len(codes) - 1)
    upper = position.astype(np.int64)
    lower = np.minimum(upper + 1, len(codes) - 1)
    part = (position - upper).astype(np.float32)[:, None, None]
    strip = codes[upper] * (1 - part) + codes[lower] * part
    wide = cv2.resize(strip, (width, len(rows)), interpolation=cv2.INTER_LINEAR)
    return wide.reshape(len(rows), width, -1) / np.float32(255)
