"""Turn HDR files into other HDR files or into tone-mapped pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from deghost.errors import WriteError
from deghost.io.atomic import check_target
from deghost.io.gainmap_files import SdrBase, read_ultrahdr, write_ultrahdr
from deghost.io.picture import PICTURE_SUFFIXES, write_picture
from deghost.io.radiance import WRITABLE, RadianceFile, read_radiance, write_radiance
from deghost.io.radiance_file import metadata_from
from deghost.merge.decisions import lost_in_halves
from deghost.merge.outputs import ULTRA_HDR, check_suffix
from deghost.merge.picture import diffuse_white, plan_picture, show
from deghost.merge.settings import PixelType


def convert_picture(
    source: Path | str,
    target: Path | str,
    tone: str | None,
    exr_type: PixelType,
    *,
    force: bool,
) -> list[str]:
    """Convert `source`; a `tone` asks for a tone-mapped JPEG or PNG.

    Returns what had to be changed on the way, in words for the user.
    Raises ReadError, WriteError or SettingsError.
    """
    source, target = Path(source), Path(target)
    check_suffix(target, PICTURE_SUFFIXES if tone else (*WRITABLE, *PICTURE_SUFFIXES))
    if source.resolve() == target.resolve():
        raise WriteError(f"{target.name} is the file to read; give another name")
    check_target(target, force=force)
    opened, notes = in_rec709(open_radiance(source))
    pixels, suffix = opened.pixels, target.suffix.lower()
    if suffix in WRITABLE:
        if source.suffix.lower() in ULTRA_HDR:
            notes = [*notes, f"1.0 is the white of {source.name}: a JPEG tells no other scale"]
        metadata = metadata_from(opened.attributes)
        halves = suffix == ".exr" and exr_type == "half"
        values = torch.from_numpy(pixels)
        if halves and (problem := lost_in_halves(float(values.max()), values)):
            exr_type, notes = "float", [*notes, problem]
        write_radiance(target, pixels, metadata, exr_type=exr_type, force=force)
        return notes
    shown = show(pixels, plan_picture(pixels, tone or "photographic"))
    if tone is None and suffix in ULTRA_HDR:
        base = SdrBase(shown, diffuse_white(pixels, shown))
        write_ultrahdr(target, pixels, base, force=force)
    else:
        write_picture(target, shown, force=force)
    return notes


def open_radiance(path: Path) -> RadianceFile:
    """Read an HDR file of any kind that this package writes. Raises ReadError."""
    return read_ultrahdr(path) if path.suffix.lower() in ULTRA_HDR else read_radiance(path)


def in_rec709(opened: RadianceFile) -> tuple[RadianceFile, list[str]]:
    """Convert to Rec. 709 primaries; what is no positive light becomes 0, infinity the maximum.

    Returns also how many values were no light to begin with, in words.
    """
    pixels, notes = _finite(opened.pixels)
    if not np.allclose(opened.to_rec709, np.eye(3), atol=1e-6):
        pixels = pixels @ opened.to_rec709.T.astype(np.float32)
    return replace(opened, pixels=np.maximum(pixels, 0, out=pixels)), notes


def _finite(
    pixels: Float32[np.ndarray, "h w 3"],
) -> tuple[Float32[np.ndarray, "h w 3"], list[str]]:
    """Return writable pixels without NaN and infinity, and what was replaced."""
    pixels = np.require(pixels, requirements="W")
    finite = np.isfinite(pixels)
    negative = int(np.count_nonzero(pixels < 0))
    notes = [f"{negative} negative values became 0"] if negative else []
    if not finite.all():
        largest = float(pixels.max(where=finite, initial=0))
        infinite = int(np.count_nonzero(np.isposinf(pixels)))
        nan = int(np.count_nonzero(np.isnan(pixels)))
        notes += [f"{nan} values that are NaN became 0"] if nan else []
        notes += [f"{infinite} infinite values became {largest:.6g}"] if infinite else []
        np.nan_to_num(pixels, copy=False, nan=0.0, posinf=largest, neginf=0.0)
    return pixels, notes
