"""Turn HDR files into other HDR files or into tone-mapped pictures."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from deghost.errors import SettingsError
from deghost.io.atomic import check_target
from deghost.io.gainmap_files import SdrBase, read_ultrahdr, write_ultrahdr
from deghost.io.picture import PICTURE_SUFFIXES, write_picture
from deghost.io.radiance import WRITABLE, RadianceFile, read_radiance, write_radiance
from deghost.io.radiance_file import metadata_from
from deghost.merge.outputs import ULTRA_HDR
from deghost.merge.picture import diffuse_white, plan_picture, show
from deghost.merge.settings import PixelType


def convert_picture(
    source: Path, target: Path, tone: str | None, exr_type: PixelType, *, force: bool
) -> None:
    """Convert `source`; a `tone` asks for a tone-mapped JPEG or PNG.

    Raises ReadError, WriteError or SettingsError.
    """
    suffix = target.suffix.lower()
    known = PICTURE_SUFFIXES if tone else (*WRITABLE, *PICTURE_SUFFIXES)
    if suffix not in known:
        raise SettingsError(f"{target.name}: known endings are {', '.join(known)}")
    check_target(target, force=force)
    opened = _in_rec709(open_radiance(source))
    if suffix in WRITABLE:
        write_radiance(
            target, opened.pixels, metadata_from(opened.attributes), exr_type=exr_type, force=force
        )
        return
    shown = show(opened.pixels, plan_picture(opened.pixels, tone or "photographic"))
    if tone is None and suffix in ULTRA_HDR:
        base = SdrBase(shown, diffuse_white(opened.pixels, shown))
        write_ultrahdr(target, opened.pixels, base, force=force)
    else:
        write_picture(target, shown, force=force)


def open_radiance(path: Path) -> RadianceFile:
    """Read an HDR file of any kind that this package writes. Raises ReadError."""
    return read_ultrahdr(path) if path.suffix.lower() in ULTRA_HDR else read_radiance(path)


def _in_rec709(opened: RadianceFile) -> RadianceFile:
    """Convert to Rec. 709 primaries; what a display cannot show as positive light is 0."""
    pixels = np.nan_to_num(opened.pixels, copy=False, nan=0.0)
    if not np.allclose(opened.to_rec709, np.eye(3), atol=1e-6):
        pixels = pixels @ opened.to_rec709.T.astype(np.float32)
    return replace(opened, pixels=np.maximum(pixels, 0))
