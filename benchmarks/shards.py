"""Compare ways to store training scenes: random crops read a second, and time to write.

python benchmarks/shards.py --scenes 256
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


Crop = Callable[[int, slice, slice], tuple[np.ndarray, np.ndarray]]  # scene, rows, columns
FRAMES, SIDE, CROP, PER_SHARD, READS = 3, 256, 128, 64, 1000


def memory_map(folder: Path, frames: np.ndarray, truth: np.ndarray) -> Crop:
    """One .npy file of all frames, one of all truths."""
    np.save(folder / "frames.npy", frames)
    np.save(folder / "truth.npy", truth)
    first = np.load(folder / "frames.npy", mmap_mode="r")
    second = np.load(folder / "truth.npy", mmap_mode="r")
    return lambda k, y, x: (first[k, :, :, y, x].copy(), second[k, :, y, x].copy())


def shards(folder: Path, frames: np.ndarray, truth: np.ndarray) -> Crop:
    """Safetensors files of 64 scenes, one array a scene."""
    files = []
    for start in range(0, len(frames), PER_SHARD):
        path = folder / f"{start}.safetensors"
        own = range(start, min(start + PER_SHARD, len(frames)))
        arrays = {f"{k}.frames": frames[k] for k in own} | {f"{k}.truth": truth[k] for k in own}
        save_file(arrays, path)
        files.append(safe_open(path, "numpy"))

    def crop(k: int, y: slice, x: slice) -> tuple[np.ndarray, np.ndarray]:
        file = files[k // PER_SHARD]
        return (
            file.get_slice(f"{k}.frames")[:, :, y, x],
            file.get_slice(f"{k}.truth")[:, y, x],
        )

    return crop


def archives(folder: Path, frames: np.ndarray, truth: np.ndarray) -> Crop:
    """One uncompressed .npz file a scene."""
    for k in range(len(frames)):
        np.savez(folder / f"{k}.npz", frames=frames[k], truth=truth[k])

    def crop(k: int, y: slice, x: slice) -> tuple[np.ndarray, np.ndarray]:
        with np.load(folder / f"{k}.npz") as file:
            return file["frames"][:, :, y, x], file["truth"][:, y, x]

    return crop


def main() -> None:
    """Print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=256)
    count = parser.parse_args().scenes
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 65536, (count, FRAMES, 3, SIDE, SIDE), np.uint16)
    truth = generator.random((count, 3, SIDE, SIDE), np.float32).astype(np.float16)
    picks = generator.integers(0, count, READS)
    corners = generator.integers(0, SIDE - CROP, (READS, 2))
    for way in (memory_map, shards, archives):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            crop = way(Path(folder), frames, truth)
            written = time.perf_counter() - start
            best = min(_seconds(crop, picks, corners) for _ in range(3))
        print(f"{way.__name__:12} {READS / best:8.0f} crops/s   written in {written:.2f} s")


def _seconds(crop: Crop, picks: np.ndarray, corners: np.ndarray) -> float:
    start = time.perf_counter()
    for k, (y, x) in zip(picks, corners, strict=True):
        crop(int(k), slice(y, y + CROP), slice(x, x + CROP))
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
