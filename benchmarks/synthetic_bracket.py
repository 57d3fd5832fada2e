"""Make a bracket of any size: the sample scene tiled in mirrors, with detail and moving things.

The scene is a function of position, so that frames are made strip by strip: the radiance of
`examples/sample/truth.exr`, enlarged about threefold and mirrored, times a fractal texture.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from jaxtyping import Float32, UInt8
from numpy.random import Generator
from PIL import Image
from PIL.TiffImagePlugin import IFDRational


SOURCE = Path(__file__).resolve().parent.parent / "examples" / "sample" / "truth.exr"
FULL_WELL = 20_000.0  # electrons at clipping
READ_NOISE = 4.0  # electrons
STRIP = 256  # rows
MOVERS = 12
Positions = Float32[np.ndarray, "h w"]


@dataclass(frozen=True)
class Scene:
    """Radiance at continuous positions in pixels of the reference frame."""

    radiance: Float32[np.ndarray, "h w 3"]
    texture: Float32[np.ndarray, "k k"]  # factor around 1, repeats
    scale: float

    def at(self, x: Positions, y: Positions) -> Float32[np.ndarray, "h w 3"]:
        """The radiance at positions, mirrored beyond the borders of the source."""
        height, width = self.radiance.shape[:2]
        near_x, near_y = mirrored(x / self.scale, width), mirrored(y / self.scale, height)
        smooth = cv2.remap(self.radiance, near_x, near_y, cv2.INTER_LINEAR)
        side = self.texture.shape[0] - 1
        fine = cv2.remap(self.texture, x % side, y % side, cv2.INTER_CUBIC)
        return smooth * fine[..., None]


def mirrored(position: Positions, length: int) -> Positions:
    """Fold positions back and forth into `0 ... length - 1`."""
    return np.float32(length - 1) - np.abs(position % (2 * (length - 1)) - np.float32(length - 1))


def fractal(side: int, generator: Generator) -> Float32[np.ndarray, "k k"]:
    """A texture of mean about 1 whose octaves have nearly equal contrast; it repeats."""
    total = np.zeros((side, side), np.float32)
    for octave in range(1, 9):
        cells = side >> octave
        noise = generator.normal(size=(cells, cells)).astype(np.float32)
        wrapped = np.pad(noise, 2, mode="wrap")
        zoom = side // cells
        large = cv2.resize(wrapped, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        edge = 2 * zoom
        total += 0.07 * large[edge : edge + side, edge : edge + side]
    return np.pad(np.exp(total), (0, 1), mode="wrap")


def with_movers(
    scene: Scene, x: Positions, y: Positions, moment: float, extent: tuple[int, int]
) -> Float32[np.ndarray, "h w 3"]:
    """The scene at positions at a moment, with soft-edged pieces of it that wander about."""
    radiance = scene.at(x, y)
    places = np.random.default_rng(7).uniform(size=(MOVERS, 4))
    for across, down, large, heading in places:
        radius = (0.02 + 0.05 * large) * extent[1]
        travel = 1.6 * radius * moment
        centre_x = across * extent[0] + travel * np.cos(6.28 * heading)
        centre_y = down * extent[1] + 0.3 * travel * np.sin(6.28 * heading)
        rows = np.flatnonzero(np.abs(y[:, 0] - centre_y) < radius + 0.03 * extent[1])
        columns = np.flatnonzero(np.abs(x[0] - centre_x) < radius + 0.03 * extent[1])
        if not rows.size or not columns.size:
            continue
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        inside_x, inside_y = x[box] - np.float32(centre_x), y[box] - np.float32(centre_y)
        gap = radius - np.hypot(inside_x, inside_y)
        matte = np.clip(gap / 4 + 0.5, 0, 1)[..., None]
        body = scene.at(inside_x + np.float32(900 * large), inside_y + np.float32(3000 * heading))
        radiance[box] += matte * (np.minimum(body, 0.7) - radiance[box])
    return radiance


def expose(
    radiance: Float32[np.ndarray, "h w 3"], generator: Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Codes of a sensor that clips at 1: noise of its electrons, sRGB (IEC 61966-2-1), 8 bits."""
    noise = generator.standard_normal(radiance.shape, np.float32)
    spread = np.sqrt(np.clip(radiance, 0, 2) / FULL_WELL + (READ_NOISE / FULL_WELL) ** 2)
    linear = np.clip(radiance + noise * spread, 0, 1)
    grid = np.linspace(0, 1, 65536)
    curve = np.where(grid <= 0.0031308, 12.92 * grid, 1.055 * grid ** (1 / 2.4) - 0.055)
    codes = np.rint(255 * curve).astype(np.uint8)
    return codes[(linear * 65535).astype(np.uint16)]


def make_frame(
    scene: Scene, size: tuple[int, int], stops: float, number: int
) -> UInt8[np.ndarray, "h w 3"]:
    """One frame as a hand held it; the first of a bracket is not moved."""
    width, height = size
    generator = np.random.default_rng(number)
    angle = np.radians(0.25) * generator.uniform(-1, 1) * (number > 0)
    right, down = generator.uniform(-0.004, 0.004, 2) * width * (number > 0)
    pixels = np.empty((height, width, 3), np.uint8)
    across = np.arange(width, dtype=np.float32)[None] - width / 2
    for top in range(0, height, STRIP):
        below = np.arange(top, min(top + STRIP, height), dtype=np.float32)[:, None] - height / 2
        x = (np.cos(angle) * across - np.sin(angle) * below + width / 2 + right).astype(np.float32)
        y = (np.sin(angle) * across + np.cos(angle) * below + height / 2 + down).astype(np.float32)
        radiance = with_movers(scene, x, y, float(number), size)
        pixels[top : top + STRIP] = expose(radiance * np.float32(2.0**stops), generator)
    return pixels


def exif_of(stop: int, number: int) -> Image.Exif:
    """Exposure and date of a frame."""
    exif = Image.Exif()
    exif.update({0x010F: "deghost", 0x0110: "plain camera", 0x0112: 1})
    date = f"2024:06:21 10:30:{number:02d}"
    seconds = IFDRational(2 ** max(stop, 0), 60 * 2 ** max(-stop, 0))
    settings = {0x829A: seconds, 0x829D: IFDRational(4, 1), 0x8827: 200, 0x9003: date}
    exif.get_ifd(0x8769).update(settings)
    return exif


def main() -> None:
    """Read the command line and write the frames: middle first, then darker and brighter ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with OpenEXR.File(str(SOURCE)) as file:
        radiance = file.channels()["RGB"].pixels.astype(np.float32)
    scene = Scene(radiance, fractal(2048, np.random.default_rng(1)), scale=3.2)
    step = 2 if arguments.frames == 3 else 1
    half = arguments.frames // 2
    stops = sorted(range(-half * step, half * step + 1, step), key=lambda stop: (abs(stop), stop))
    for number, stop in enumerate(stops):
        pixels = make_frame(scene, (arguments.width, arguments.height), stop, number)
        name = arguments.out / f"IMG_{number + 1:04d}.jpg"
        exif = exif_of(stop, number)
        Image.fromarray(pixels).save(name, quality=95, subsampling="4:2:0", exif=exif)


if __name__ == "__main__":
    main()
