"""Folders of HDR panoramas, and their copies as plain arrays that are quick to open."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deghost.data.views import LARGEST, Panorama, make_panorama
from deghost.errors import ReadError


READABLE = (".exr", ".hdr")


def read_panoramas(folder: Path) -> tuple[Panorama, ...]:
    """Read the panoramas in a folder, in the order of their names: .exr, .hdr or packed .npy.

    Raises ReadError where there are none, or one is not twice as wide as high.
    """
    if not folder.is_dir():
        raise ReadError(f"{folder.name} is not a folder of HDR panoramas")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in (*READABLE, ".npy"))
    if not paths:
        raise ReadError(f"{folder.name} holds no .exr, .hdr or .npy panoramas")
    return tuple(read_panorama(path) for path in paths)


def read_panorama(path: Path) -> Panorama:
    """Read one equirectangular picture as halves; a packed one stays in its file until needed.

    Raises ReadError if it is damaged or not twice as wide as high.
    """
    pixels = _mapped(path) if path.suffix == ".npy" else _read(path)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.shape[1] != 2 * pixels.shape[0]:
        sides = " x ".join(map(str, pixels.shape[1::-1]))
        raise ReadError(
            f"{path.name} is {sides}, but a panorama of all directions is twice as wide as high"
        )
    return make_panorama(path.stem, pixels)


def pack_panoramas(panoramas: Sequence[Panorama], folder: Path) -> None:
    """Write panoramas as NAME.npy of halves, which `read_panoramas` opens without decoding."""
    folder.mkdir(parents=True, exist_ok=True)
    for panorama in panoramas:
        np.save(folder / f"{panorama.name}.npy", np.asarray(panorama.pixels, np.float16))


def _mapped(path: Path) -> np.ndarray:
    try:
        pixels = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise ReadError(f"{path.name} is damaged; pack its panorama again") from error
    if pixels.dtype.kind != "f":
        raise ReadError(f"{path.name} holds {pixels.dtype}, no floats; pack its panorama again")
    return pixels


def _read(path: Path) -> np.ndarray:
    from deghost.io.radiance import read_radiance

    pixels = np.asarray(read_radiance(path).pixels)
    return np.clip(np.nan_to_num(pixels, nan=0.0), 0, LARGEST).astype(np.float16)
