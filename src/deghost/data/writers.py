"""Write scenes, one at a time, in Kalantari's layout or as compact shards for training."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.layout_files import WHITE
from deghost.data.manifests import write_manifest
from deghost.data.maps import seen_through
from deghost.data.shards import FORMAT, HEADER, SUFFIX, Arrays, pack_scene
from deghost.errors import SettingsError, WriteError
from deghost.io.atomic import atomic_folder, atomic_path
from deghost.io.radiance import write_radiance
from deghost.radiometry.scene_light import frames_in
from deghost.types import Scene


RESPONSE = "gamma2.2"  # of Kalantari's layout
MASK_WHITE = 255
PRECISIONS = {"half": np.float16, "float": np.float32}  # of truth and flow in shards


def write_kalantari17(
    scenes: Iterable[Scene],
    folder: Path | str,
    part: Literal["Training", "Test"] = "Training",
    about: Mapping[str, Any] | None = None,
) -> str:
    """Write scenes as `Training/001` ... in the layout of Kalantari 2017, with a manifest.

    16-bit codes of gamma 2.2 (white is 65535), stops from 0 with CRLF, and the truth in the scale
    of the darkest frame as RGBE, whose steps are up to 0.4 %. Frame K, counted from 1, has the
    masks `motion_K.png` and, if the scene tells its camera, `well_exposed_K.png`, both on the grid
    of the reference. Scenes may have any number of frames; the middle one must be the reference.
    `about` goes into the manifest. Returns the checksum of all files. Raises WriteError.
    """
    written: list[Path] = []
    names: list[str] = []
    with atomic_folder(Path(folder)) as home:
        for number, scene in enumerate(scenes, start=1):
            written += _write_scene(scene, home / part / f"{number:03d}")
            names.append(scene.name)
        _check_any(names, folder)
        stated = {"format": "kalantari17", **(about or {}), "scenes": names}
        return write_manifest(home, written, stated)


def write_shards(
    scenes: Iterable[Scene],
    folder: Path | str,
    per_shard: int = 64,
    truth: Literal["half", "float"] = "half",
    about: Mapping[str, Any] | None = None,
) -> str:
    """Write scenes as compact shards with a manifest; one shard at a time is in memory.

    Codes are rounded to 16 bits, truth and flow to halves unless `truth` says float.
    `about` goes into the manifest. Returns the checksum of all files. Raises WriteError, and
    SettingsError for a number or a type there is not.
    """
    if truth not in PRECISIONS or per_shard < 1:
        raise SettingsError(
            f"truth as {truth}, {per_shard} scenes a shard; give half or float, and 1 or more"
        )
    written: list[Path] = []
    count = 0
    with atomic_folder(Path(folder)) as home:
        for number, group in enumerate(_groups(scenes, per_shard)):
            path = home / f"{number:05d}{SUFFIX}"
            arrays: Arrays = {}
            headers: dict[str, Any] = {}
            for k, scene in enumerate(group):
                own, headers[f"{k:04d}"] = pack_scene(scene, PRECISIONS[truth])
                arrays |= {f"{k:04d}.{name}": array for name, array in own.items()}
            _save(path, arrays, headers)
            written.append(path)
            count += len(group)
        _check_any(written, folder)
        stated = {"format": FORMAT, **(about or {}), "count": count}
        return write_manifest(home, written, stated)


def _write_scene(scene: Scene, home: Path) -> list[Path]:
    """Write one scene into a folder of its own and list its files."""
    _check_fits(scene)
    _make_folder(home)
    codes = frames_in(scene, RESPONSE)
    darkest = scene.exposures[0]
    stops = (scene.exposures / darkest).double().log2().tolist()
    paths = [home / f"frame_{k + 1}.tif" for k in range(len(codes))]
    for path, frame in zip(paths, codes, strict=True):
        _write_tiff(path, frame)
    paths.append(home / "exposure.txt")
    text = "".join(f"{round(stop, 6) + 0.0:g}\r\n" for stop in stops)
    with atomic_path(paths[-1], force=True) as temporary:
        temporary.write_bytes(text.encode())
    if scene.truth is not None:
        paths.append(home / "HDRImg.hdr")
        pixels = (scene.truth * darkest).permute(1, 2, 0).contiguous().numpy()
        write_radiance(paths[-1], pixels, force=True)
    for name, mask in _named_masks(scene):
        paths.append(home / name)
        _write_mask(paths[-1], mask)
    return paths


def _named_masks(scene: Scene) -> Iterator[tuple[str, Float[Tensor, "h w"]]]:
    """Name the masks of all frames, on the grid of the reference, which has none of motion.

    What is well exposed is known on the grid of each frame, so that it takes the camera to tell
    where in the reference that is; beyond the edge of its frame nothing is well exposed.
    """
    if scene.motion is not None:
        for k, mask in enumerate(scene.motion):
            if k != scene.reference:
                yield f"motion_{k + 1}.png", mask
    if scene.well_exposed is not None and scene.camera is not None:
        for k, (mask, pose) in enumerate(zip(scene.well_exposed, scene.camera, strict=True)):
            seen = seen_through(pose.double().numpy(), mask.numpy())
            yield f"well_exposed_{k + 1}.png", torch.from_numpy(seen).ge(0.5).float()


def _check_fits(scene: Scene) -> None:
    """Raise WriteError for a scene that Kalantari's layout cannot hold."""
    count, channels = scene.frames.shape[:2]
    fitting = scene.truth is None or scene.truth.shape[-2:] == scene.frames.shape[-2:]
    if channels != 3 or not fitting:
        raise WriteError(f"{scene.name} is RAW or of two sizes; write it as shards instead")
    if scene.reference != count // 2:
        raise WriteError(
            f"{scene.name} has the reference {scene.reference}, but in this layout the middle one "
            f"of {count} frames is the reference; write it as shards instead"
        )
    if not (scene.exposures.diff() >= 0).all():
        raise WriteError(f"{scene.name} is not sorted; put the darkest frame first")


def _write_tiff(path: Path, frame: Float[Tensor, "3 h w"]) -> None:
    import tifffile

    pixels = np.rint(frame.clamp(0, 1).permute(1, 2, 0).numpy() * WHITE).astype(np.uint16)
    with atomic_path(path, force=True, needed=pixels.nbytes) as temporary:
        tifffile.imwrite(temporary, pixels, photometric="rgb")


def _write_mask(path: Path, mask: Float[Tensor, "h w"]) -> None:
    import imagecodecs

    pixels = np.rint(mask.clamp(0, 1).numpy() * MASK_WHITE).astype(np.uint8)
    with atomic_path(path, force=True) as temporary:
        temporary.write_bytes(imagecodecs.png_encode(pixels))


def _save(path: Path, arrays: Arrays, headers: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    metadata = {HEADER: json.dumps({"format": FORMAT, "scenes": headers})}
    needed = sum(array.nbytes for array in arrays.values())
    contiguous = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    with atomic_path(path, force=True, needed=needed) as temporary:
        save_file(contiguous, temporary, metadata)


def _groups(scenes: Iterable[Scene], size: int) -> Iterator[list[Scene]]:
    """Take scenes from a stream, some at a time."""
    stream = iter(scenes)
    while group := list(islice(stream, size)):
        yield group


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"{folder.name} cannot be made: {error.strerror or error}; choose another folder"
        ) from error


def _check_any(written: Sequence[object], folder: Path | str) -> None:
    if not written:
        raise WriteError(f"no scene was given to write into {Path(folder).name}")
