"""Measure alignment: error in full-size pixels against known warps, seconds, and warping itself.

python benchmarks/align.py --megapixels 24 --seeds 3
python benchmarks/align.py --simulated PANORAMAS        # hand-held brackets as of deghost-bench
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from deghost.align.full import refine_full
from deghost.align.rigid import AlignSettings, align_frames
from deghost.align.warp import Warp, source_window, transform, warp_window
from deghost.data.bench import bench_entries
from deghost.data.panoramas import read_panoramas
from deghost.data.synthetic import make_scene as simulate
from deghost.radiometry.scene_light import linear_frames


Scene = Float32[np.ndarray, "h w 3"]
PROXY_PIXELS = 2e6
SIMULATED_SEED = 777
HELD = {
    "night": 16,
    "5-frames": 12,
    "hand-held": 8,
    "large-motion": 8,
    "2-frames": 8,
    "7-frames": 4,
}
MOST = 2.0  # px: an error beyond it counts as much
CASES = ((2.0, 0.0), (2.0, 0.2), (4.0, 0.0), (4.0, 0.2))  # stops apart, share that moves


def make_scene(size: tuple[int, int], seed: int) -> Scene:
    """A fractal of radiance around 0.05 with detail down to a few pixels."""
    generator = np.random.default_rng(seed)
    stops = np.zeros((*size, 3), np.float32)
    for octave in range(2, 12):
        cells = 2**octave
        grid = (cells * size[0] // size[1] + 2, cells, 3)
        noise = generator.standard_normal(grid, np.float32)
        noise = 1.7 * noise.mean(2, keepdims=True) + 0.25 * noise
        stops += cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC) * (2 * 0.8**octave)
    return np.exp2(stops) * np.float32(0.05)


def hold(size: tuple[int, int], generator: np.random.Generator) -> np.ndarray:
    """The matrix of a hand-held camera: a degree, one per cent of the width, a little tilt."""
    centre = np.array([[1, 0, -(size[1] - 1) / 2], [0, 1, -(size[0] - 1) / 2], [0, 0, 1]])
    turn = np.radians(generator.uniform(-1, 1))
    x, y = generator.uniform(-0.01, 0.01, 2) * size[1]
    tilt = generator.uniform(-0.01, 0.01, 2) / size[1]
    moved = [[np.cos(turn), -np.sin(turn), x], [np.sin(turn), np.cos(turn), y], [*tilt, 1]]
    matrix = np.linalg.inv(centre) @ moved @ centre
    return matrix / matrix[2, 2]


def photograph(
    scene: Scene, matrix: np.ndarray, exposure: float, share: float, seed: int
) -> Tensor:
    """An 8-bit sRGB frame, linear again, in which a share of the picture has moved."""
    generator = np.random.default_rng(seed)
    height, width = scene.shape[:2]
    how = {"flags": cv2.INTER_LANCZOS4, "borderMode": cv2.BORDER_REFLECT}
    seen = cv2.warpPerspective(scene, matrix, (width, height), **how)
    mask = np.zeros((height, width), np.uint8)
    while mask.mean() < share:
        centre = [int(generator.integers(0, n)) for n in (width, height)]
        axes = [int(generator.integers(width // 60, width // 12)) for _ in range(2)]
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
    other = np.roll(scene, (height // 3 * (seed + 1), width // 5), (0, 1))
    np.copyto(seen, other, where=mask[..., None] > 0)
    seen *= exposure
    seen += generator.standard_normal(seen.shape, np.float32) * 0.004 * np.sqrt(0.1 + abs(seen))
    codes = np.rint(255 * np.clip(seen, 0, 1) ** np.float32(1 / 2.4)) / 255
    return torch.from_numpy((codes ** np.float32(2.4)).astype(np.float32)).permute(2, 0, 1)


def error(found: np.ndarray, true: np.ndarray, size: tuple[int, int]) -> float:
    """Mean distance in pixels over the picture."""
    grid = np.meshgrid(*(np.linspace(0, n - 1, 20) for n in size[::-1]))
    points = np.stack([g.ravel() for g in grid], 1)
    return float(np.linalg.norm(transform(found, points) - transform(true, points), axis=1).mean())


def reduce(frame: Tensor) -> Tensor:
    """The proxy of a frame."""
    ratio = min(1.0, (PROXY_PIXELS / (frame.shape[1] * frame.shape[2])) ** 0.5)
    size = [round(n * ratio) for n in (frame.shape[2], frame.shape[1])]
    small = cv2.resize(frame.permute(1, 2, 0).numpy(), size, interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small).permute(2, 0, 1)


def run_case(scene: Scene, stops: float, share: float, seed: int, still: bool) -> list[float]:
    """Errors on the proxy and at full size, in full-size pixels, and seconds of both stages."""
    size = scene.shape[:2]
    generator = np.random.default_rng(seed)
    matrices = [np.eye(3) if still or i == 1 else hold(size, generator) for i in range(3)]
    exposures = [2.0 * 2.0 ** (stops * i) for i in (-1, 0, 1)]
    frames = [
        photograph(scene, matrix, e, share, i)
        for i, (matrix, e) in enumerate(zip(matrices, exposures, strict=True))
    ]
    proxies = torch.stack([reduce(frame) for frame in frames])

    def read(k: int, y: int, x: int, height: int, width: int) -> Tensor:
        return frames[k][:, y : y + height, x : x + width]

    start = time.perf_counter()
    warps = align_frames(proxies, torch.tensor(exposures), 1, AlignSettings())
    middle = time.perf_counter()
    warps = [warp.scaled_to(size) for warp in warps]
    refined = refine_full(read, proxies, torch.tensor(exposures), warps, 1)
    end = time.perf_counter()
    errors = [
        max(error(warp.matrix, matrix, size) for warp, matrix in zip(found, matrices, strict=True))
        for found in (warps, refined)
    ]
    return [*errors, middle - start, end - middle]


def time_warps(megapixels: float) -> None:
    """Milliseconds per megapixel of warping tiles, and the error of a smooth picture."""
    side = int((megapixels * 1e6) ** 0.5)
    image = torch.rand(side, side, 3).permute(2, 0, 1)
    for name, x, tilt in (("whole pixels", 7.0, 0.0), ("shift", 7.3, 0.0), ("tilt", 7.3, 1e-6)):
        warp = Warp(np.array([[1, 0, x], [0, 1, -4], [tilt, 0, 1.0]]), (side, side))
        seconds = best_of(lambda w=warp: warp_tiles(image, w, 512))
        print(f"| warp by {name} | {1e3 * seconds / (side * side / 1e6):.1f} ms per megapixel |")


def warp_tiles(image: Tensor, warp: Warp, tile: int) -> None:
    """Warp an image tile by tile."""
    height, width = warp.size
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            window = (top, left, min(tile, height - top), min(tile, width - left))
            y, x, rows, columns = source_window(warp, window)
            warp_window(image[:, y : y + rows, x : x + columns], warp, window)


def errors_of(group: str, folder: Path) -> list[float]:
    """Mean errors over the picture, in pixels, of all frames of a group's simulated brackets."""
    places = read_panoramas(folder)
    entries = [e for e in bench_entries([p.name for p in places]) if e.group == group]
    errors = []
    for number in range(HELD[group]):
        here = (places[number % len(places)],)
        settings = entries[number % len(entries)].settings
        scene = simulate(here, settings, SIMULATED_SEED, number, places)
        light, size = linear_frames(scene), scene.frames.shape[2:]
        warps = align_frames(light, scene.exposures, scene.reference, AlignSettings())
        assert scene.camera is not None
        true = scene.camera.double().numpy()
        others = [k for k in range(len(warps)) if k != scene.reference]
        errors += [error(warps[k].matrix, true[k], (size[0], size[1])) for k in others]
    return errors


def measure_simulated(folder: Path) -> None:
    """Print a table of the groups whose brackets are held by hand."""
    print("| group | frames | median, px | mean, 2 px at most | beyond 0.3 px | beyond 1 px |")
    print("|---|---|---|---|---|---|")
    found = {group: errors_of(group, folder) for group in HELD}
    found["all"] = [each for errors in found.values() for each in errors]
    for group, errors in found.items():
        e = np.array(errors)
        mean, beyond = np.minimum(e, MOST).mean(), [f"{(e > x).mean():.0%}" for x in (0.3, 1.0)]
        print(f"| {group} | {len(e)} | {np.median(e):.2f} | {mean:.2f} | {' | '.join(beyond)} |")


def best_of(call: Callable[[], None], runs: int = 3) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print a table of cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--simulated", type=Path, help="panoramas, for simulated brackets instead")
    chosen = parser.parse_args()
    if chosen.simulated is not None:
        measure_simulated(chosen.simulated)
        return
    size = (
        round((chosen.megapixels * 1e6 / 1.5) ** 0.5),
        round((chosen.megapixels * 1.5e6) ** 0.5),
    )
    print(
        "| camera | stops | moving | error, proxy (px) | error, full (px) | align (s) | full (s) |"
    )
    print("|---|---|---|---|---|---|---|")
    for seed in range(chosen.seeds):
        scene = make_scene(size, seed)
        for still in (False, True):
            for stops, share in CASES:
                row = run_case(scene, stops, share, seed, still)
                camera = "tripod" if still else "hand"
                cells = " | ".join(f"{value:.3f}" for value in row)
                print(f"| {camera} | {stops:g} | {share:.0%} | {cells} |", flush=True)
    time_warps(min(chosen.megapixels, 12))


if __name__ == "__main__":
    main()
