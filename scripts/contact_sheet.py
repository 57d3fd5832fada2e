"""Draw simulated training scenes on one sheet: frames, tone-mapped truth, motion, what is lost.

Usage: contact_sheet.py PANORAMAS SHEET.png [--count 24] [--seed 1] [--tile 160]
Each row of a scene: its frames, darkest first; the truth; the frames brought to the reference's
exposure are not shown, but their motion masks are, in red over the reference; and in blue what no
frame shows.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.types import Scene


Tile = UInt8[np.ndarray, "h w 3"]


def strip(scene: Scene, tile: int) -> Tile:
    """All pictures of a scene side by side, RGB."""
    frames = np.rint(255 * scene.frames.permute(0, 2, 3, 1).numpy()).astype(np.uint8)
    truth = scene.truth.permute(1, 2, 0).numpy() * float(scene.exposures[scene.reference])
    level = truth / (1 + truth.mean(axis=2, keepdims=True) * 0.8)
    toned = np.rint(255 * np.clip(level, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    reference = frames[scene.reference]
    tiles = [*frames, toned]
    for number, mask in enumerate(scene.motion.numpy()):
        if number != scene.reference:
            tiles.append(tinted(reference, mask, (255, 40, 30)))
    tiles.append(tinted(toned, 1 - scene.recoverable.numpy(), (40, 60, 255)))
    return np.concatenate(
        [cv2.resize(t, (tile, tile), interpolation=cv2.INTER_AREA) for t in tiles], 1
    )


def tinted(picture: Tile, mask: np.ndarray, colour: tuple[int, int, int]) -> Tile:
    """A darkened picture with a colour where a mask is."""
    share = 0.55 * mask[..., None]
    return np.rint(picture * 0.7 * (1 - share) + np.array(colour) * share).astype(np.uint8)


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("panoramas", type=Path)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tile", type=int, default=160)
    arguments = parser.parse_args()
    panoramas, settings = read_panoramas(arguments.panoramas), SceneSettings()
    numbers = range(arguments.first, arguments.first + arguments.count)
    scenes = (make_scene(panoramas, settings, arguments.seed, i) for i in numbers)
    strips = [strip(scene, arguments.tile) for scene in scenes]
    half = (len(strips) + 1) // 2
    columns = [np.concatenate(part, 0) for part in (strips[:half], strips[half:]) if part]
    columns[-1] = np.pad(columns[-1], ((0, len(columns[0]) - len(columns[-1])), (0, 0), (0, 0)))
    sheet = np.concatenate(columns, 1)
    cv2.imwrite(str(arguments.sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
