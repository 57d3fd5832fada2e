"""Which prediction belongs to which truth, and what their files hold."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from deghost.data.layout_files import read_array
from deghost.data.layouts import open_scenes
from deghost.data.scene_set import SceneSet
from deghost.errors import ReadError, SettingsError
from deghost.evaluate.protocol import Picture, Protocol, in_values_of
from deghost.evaluate.records import Failure
from deghost.io.image import read_frame
from deghost.io.radiance import read_radiance
from deghost.types import Mask


RADIANCE = (".exr", ".hdr", ".pic")
TIFF = (".tif", ".tiff")
PICTURES = (*RADIANCE, *TIFF, ".png")
ROLE = re.compile(r"[_\-. ](gt|truth|hdr|pred|prediction|result|output|out)$", re.IGNORECASE)

Parts = tuple[str, ...]


@dataclass(frozen=True)
class Truth:
    """What a picture should have been, in the values of a protocol."""

    values: Picture
    recoverable: Mask | None = None


@dataclass(frozen=True)
class Found:
    """A prediction and its truth, not yet read."""

    name: str
    group: str
    prediction: Path
    read_truth: Callable[[], Truth]


@dataclass(frozen=True)
class Pairing:
    """What belongs together, and what is left over."""

    pairs: tuple[Found, ...]
    failures: tuple[Failure, ...]  # truths without a prediction of their own
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Wanted:
    """A truth that looks for its prediction."""

    parts: Parts  # its name
    read: Callable[[], Truth]


def find_pairs(predictions: Path, truth: Path, protocol: Protocol, layout: str | None) -> Pairing:
    """Match two files, or two folders by the names of files or of scenes' folders.

    The truths may be a data set of a known layout. Raises ReadError, SettingsError.
    """
    for path in (predictions, truth):
        if not path.exists():
            raise ReadError(f"{path.name} does not exist; check the path {path}")
    if predictions.is_file() and truth.is_file():
        read = partial(_read_truth_file, truth, protocol)
        return Pairing((Found(predictions.stem, "", predictions, read),), (), ())
    if predictions.is_file() or truth.is_file():
        raise SettingsError("one of the two is a file, the other a folder; give two of a kind")
    wanted = _truths(truth, protocol, layout)
    return _matched(wanted, predictions)


def read_values(path: Path, protocol: Protocol) -> tuple[Picture, bool]:
    """Read a picture in the values of a protocol; tell whether it is rounded to codes already.

    Floating-point files hold linear light, integers the codes of the protocol. Raises ReadError.
    """
    suffix = path.suffix.lower()
    if suffix not in RADIANCE:
        pixels = read_frame(path).pixels
        if pixels.dtype != np.float32:
            return _from_codes(path, pixels, protocol), True
    file = read_radiance(path)
    light = torch.from_numpy(np.ascontiguousarray(file.pixels)).permute(2, 0, 1)
    if not np.allclose(file.to_rec709, np.eye(3), atol=1e-4):
        matrix = torch.from_numpy(file.to_rec709).float()
        light = torch.einsum("oc,chw->ohw", matrix, light)
    written = protocol.rounding == "rgbe" and suffix in RADIANCE[1:]
    return in_values_of(protocol, light), written


def _from_codes(path: Path, pixels: np.ndarray, protocol: Protocol) -> Picture:
    """Turn integer codes into the values of a protocol."""
    if protocol.values == "linear":
        raise ReadError(
            f"{path.name} holds codes of integers, but {protocol.name} compares linear light; "
            "give .exr, .hdr or floating-point .tif"
        )
    if pixels.dtype != np.uint16:
        raise ReadError(f"{path.name} has 8 bits a colour; {protocol.name} takes 16")
    ratio = 65535.0 if protocol.values == "mu-law" else _align_ratio(path)
    values = np.divide(pixels, np.float32(ratio), dtype=np.float32)
    return torch.from_numpy(values).permute(2, 0, 1)


def _align_ratio(path: Path) -> float:
    """Read what the codes of an NTIRE picture are divided by, from the file beside it."""
    stem = ROLE.sub("", path.stem)
    names = (f"{stem}_alignratio.npy", "alignratio.npy")
    found = next((path.parent / name for name in names if (path.parent / name).is_file()), None)
    if found is None:
        raise ReadError(f"{path.name} has no {names[0]} beside it; write it with the picture")
    ratio = read_array(found).astype(np.float64).reshape(-1)
    if ratio.size != 1 or not 0 < ratio[0] < np.inf:
        raise ReadError(f"{found.name} is not one positive number; write it again")
    return float(ratio[0])


def _read_truth_file(path: Path, protocol: Protocol) -> Truth:
    return Truth(read_values(path, protocol)[0])


def _read_truth_scene(scenes: SceneSet, number: int, protocol: Protocol) -> Truth:
    scene = scenes[number]
    if scene.truth is None or scene.truth.shape[0] != 3:
        raise ReadError(
            f"{scene.name} has no truth in RGB; give the folder of pictures it is compared with"
        )
    return Truth(in_values_of(protocol, scene.truth), scene.recoverable)


def _truths(folder: Path, protocol: Protocol, layout: str | None) -> list[Wanted]:
    """List the truths in a folder: scenes of a data set, or else all pictures."""
    scenes = _scenes(folder, layout)
    if scenes is not None:
        return [
            Wanted(tuple(entry.name.split("/")), partial(_read_truth_scene, scenes, k, protocol))
            for k, entry in enumerate(scenes.entries)
            if entry.files.get("truth")
        ]
    paths = _pictures(folder)
    if not paths:
        raise ReadError(f"{folder.name} holds no pictures; truths are {', '.join(PICTURES)}")
    alone = _alone(paths)
    wanted = []
    for path in paths:
        inner = path.relative_to(folder).parent.parts
        parts = inner if inner and path in alone else (*inner, ROLE.sub("", path.stem))
        wanted.append(Wanted(parts, partial(_read_truth_file, path, protocol)))
    return wanted


def _scenes(folder: Path, layout: str | None) -> SceneSet | None:
    """Open a data set with truths; None if the folder is not one."""
    try:
        scenes = open_scenes(folder, layout)
    except ReadError:
        if layout is not None:
            raise
        return None
    has_truths = any(entry.files.get("truth") for entry in scenes.entries)
    return scenes if has_truths or layout is not None else None


def _matched(wanted: Sequence[Wanted], folder: Path) -> Pairing:
    """Find the prediction of every truth."""
    paths = _pictures(folder)
    alone = _alone(paths)
    last = Counter(truth.parts[-1] for truth in wanted)
    pairs, failures = [], []
    for truth in wanted:
        candidates = _candidates(truth.parts, paths, alone, folder, last[truth.parts[-1]] == 1)
        name = "/".join(truth.parts)
        if len(candidates) == 1:
            pairs.append(Found(name, "/".join(truth.parts[:-1]), candidates[0], truth.read))
        else:
            reason = "no prediction has its name" if not candidates else "several predictions fit"
            failures.append(Failure(name, folder.name, f"{reason} in {folder.name}"))
    used = {pair.prediction for pair in pairs}
    unused = [path.name for path in paths if path not in used]
    note = f"{len(unused)} predictions have no truth, the first is {min(unused)}" if unused else ""
    return Pairing(tuple(pairs), tuple(failures), (note,) if note else ())


def _candidates(
    parts: Parts, paths: Sequence[Path], alone: set[Path], folder: Path, is_unique: bool
) -> list[Path]:
    """The predictions that a truth's name fits, by the strictest rule that any fits."""
    rules: list[Callable[[Parts, str, bool], bool]] = [
        lambda inner, stem, only: (*inner, stem) == parts,
        lambda inner, stem, only: only and inner == parts,
    ]
    if is_unique:
        rules += [
            lambda inner, stem, only: stem == parts[-1],
            lambda inner, stem, only: only and inner[-1:] == parts[-1:],
        ]
    keys = [
        (path.relative_to(folder).parent.parts, ROLE.sub("", path.stem), path in alone)
        for path in paths
    ]
    for rule in rules:
        fitting = [path for path, key in zip(paths, keys, strict=True) if rule(*key)]
        if fitting:
            return fitting
    return []


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURES and not path.name.startswith(".") and path.is_file()
    )


def _alone(paths: Sequence[Path]) -> set[Path]:
    """The pictures that are the only ones of their folder."""
    count = Counter(path.parent for path in paths)
    return {path for path in paths if count[path.parent] == 1}
