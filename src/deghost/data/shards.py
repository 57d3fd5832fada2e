"""Compact training scenes: safetensors files of some dozens of scenes, cut into without decoding.

Codes are 16-bit integers, truth and flow halves (single floats where a half is too small), masks
bytes. The scenes of one file may differ in size and in number of frames. Random crops of 128 x 128
out of 256 x 256 x 3 frames: 11,000 a second (one core, warm), against 14,000 from a `.npy` memory
map, which needs scenes all alike, and 1,200 from `.npz`; see benchmarks/shards.py.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from deghost.data.layout_files import reading
from deghost.data.manifests import MANIFEST, read_manifest
from deghost.data.scene_set import Entry, Folder, Layout, Tree
from deghost.errors import ReadError
from deghost.types import Scene


FORMAT = "deghost-scenes-1"
SUFFIX = ".scenes.safetensors"
HEADER = "deghost"  # the one entry of a file's metadata: of several, the order would vary
CODE_WHITE, MASK_WHITE = 65535, 255
CODES = ("frames",)
MASKS = ("motion", "well_exposed", "recoverable")
WIDE = ("truth", "flow")  # stored as halves, or as single floats
SMALL = ("exposures", "camera", "curve")  # stored as they are, never cut
WORDS = ("name", "reference", "response", "notes", "details")  # in the file's header

Arrays = dict[str, Shaped[np.ndarray, "..."]]
Window = tuple[slice, slice]  # rows, columns
WHOLE: Window = (slice(None), slice(None))


def find_scenes(tree: Tree) -> Iterator[Entry]:
    """Find the scenes in shards, and the shards that a manifest names but that are not there."""
    for folder in tree:
        shards = [name for name in folder.files if name.endswith(SUFFIX)]
        for name in shards:
            yield from _entries(folder, folder.path / name)
        if shards and MANIFEST in folder.files:
            wanted = read_manifest(folder.path)["files"]
            absent = [name for name in wanted if "/" not in name and name not in folder.files]
            for name in absent:
                yield Entry(folder.scene_name(name), {}, (name,))


def read_scene(entry: Entry) -> Scene:
    """Read a whole scene. Raises ReadError."""
    return read_window(entry, WHOLE)


def read_window(entry: Entry, window: Window) -> Scene:
    """Read a window of a scene and of its truth, whose size may be a multiple of the frames'.

    `details` other than plain data come back as text. Raises ReadError.
    """
    path = entry.files["frames"][0]
    file, headers = _opened(path)
    number = entry.about
    if number not in headers:
        raise ReadError(f"{path.name} is damaged or cut short; write or copy it again")
    header = headers[number]
    found: dict[str, Tensor | None] = {}
    with reading(path):
        for name in (*CODES, *MASKS, *WIDE, *SMALL):
            stored = name in header["stored"]
            found[name] = _tensor(file, f"{number}.{name}", name, window) if stored else None
        if found["truth"] is not None and header["scale"] != 1 and window != WHOLE:
            rows, columns = window
            larger = (_times(rows, header["scale"]), _times(columns, header["scale"]))
            found["truth"] = _tensor(file, f"{number}.truth", "truth", larger)
        details = {
            key: torch.from_numpy(file.get_tensor(f"{number}.details.{key}"))
            for key in header["tensors"]
        }
    words = {name: header[name] for name in WORDS}
    words |= {"notes": tuple(header["notes"]), "details": {**header["details"], **details}}
    return Scene(**words, **found)  # type: ignore[arg-type]


def pack_scene(scene: Scene, wide: type) -> tuple[Arrays, dict[str, Any]]:
    """Make the arrays and the header that a scene is stored as."""
    arrays: Arrays = {"frames": _whole_numbers(scene.frames, CODE_WHITE, np.uint16)}
    for name in MASKS:
        mask = getattr(scene, name)
        if mask is not None:
            arrays[name] = _whole_numbers(mask, MASK_WHITE, np.uint8)
    for name in WIDE:
        image = getattr(scene, name)
        if image is not None:
            fits = wide is not np.float16 or image.abs().max() <= np.finfo(np.float16).max
            arrays[name] = image.numpy().astype(wide if fits else np.float32)
    for name in SMALL:
        value = getattr(scene, name)
        if value is not None:
            arrays[name] = value.numpy().astype(np.float32)
    stored = list(arrays)
    tensors = {key: value for key, value in scene.details.items() if isinstance(value, Tensor)}
    arrays |= {f"details.{key}": value.numpy() for key, value in tensors.items()}
    scale = 1 if scene.truth is None else scene.truth.shape[-1] // scene.frames.shape[-1]
    plain = {key: value for key, value in scene.details.items() if key not in tensors}
    header = {
        **{name: getattr(scene, name) for name in WORDS},
        "details": json.loads(json.dumps(plain, default=str)),
        "stored": stored,
        "tensors": list(tensors),
        "scale": scale,
    }
    return arrays, header


def _entries(folder: Folder, path: Path) -> Iterator[Entry]:
    """The scenes of one shard; one that cannot be read if the shard is damaged."""
    try:
        _, headers = _opened(path)
    except ReadError:
        yield Entry(folder.scene_name(path.name), {"frames": (path,)})
        return
    for number, header in headers.items():
        truth = (path,) if "truth" in header["stored"] else ()
        files = {"frames": (path,), "truth": truth}
        yield Entry(folder.scene_name(header["name"]), files, about=number)


def _opened(path: Path) -> tuple[Any, Mapping[str, Any]]:
    with reading(path):
        changed = path.stat().st_mtime_ns
    return _opened_once(path, changed)


@lru_cache(maxsize=32)
def _opened_once(path: Path, changed: int) -> tuple[Any, Mapping[str, Any]]:
    """Map a shard into memory and read its header; `changed` makes a new file a new one."""
    from safetensors import SafetensorError, safe_open

    try:
        file = safe_open(path, framework="numpy")
        stored = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise ReadError(f"{path.name} is damaged or cut short; write or copy it again") from error
    if stored.get("format") != FORMAT:
        raise ReadError(f"{path.name} is no shard of scenes of the format {FORMAT}")
    return file, stored["scenes"]


def _tensor(file: Any, key: str, name: str, window: Window) -> Tensor:
    """Read an array, cut to the window if it is a picture, as single floats."""
    if name in SMALL:
        return torch.from_numpy(file.get_tensor(key))
    cut = file.get_slice(key)
    leading = len(cut.get_shape()) - 2
    array = np.ascontiguousarray(cut[(*[slice(None)] * leading, *window)])
    if array.dtype.kind == "u":
        return torch.from_numpy(np.divide(array, np.iinfo(array.dtype).max, dtype=np.float32))
    return torch.from_numpy(array.astype(np.float32))


def _whole_numbers(values: Tensor, white: int, kind: type) -> Shaped[np.ndarray, "..."]:
    return np.rint(values.clamp(0, 1).numpy() * white).astype(kind)


def _times(part: slice, scale: int) -> slice:
    start = None if part.start is None else part.start * scale
    return slice(start, None if part.stop is None else part.stop * scale)


SHARDS = Layout(
    "deghost-shards",
    "compact training scenes, as this package writes them",
    find_scenes,
    read_scene,
    f"files *{SUFFIX} and {MANIFEST}",
)
