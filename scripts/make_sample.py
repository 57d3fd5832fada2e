"""Make the sample bracket: three photographs of one panorama through a plain camera model.

Three hand-held exposures, 2 EV apart, of a scene where somebody walks past and a balloon drifts by,
with shot and read noise, the sRGB response, JPEG coding and true EXIF; and the noise-free radiance
that the middle exposure saw. The script shares no code with the package it is an example for.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from jaxtyping import Float32, UInt8
from numpy.random import Generator
from PIL import Image
from PIL.TiffImagePlugin import IFDRational
from sample_scene import Panorama, balloon, stand_in, walker


FULL_WELL = 20_000.0  # electrons at clipping
READ_NOISE = 4.0  # electrons
KEY = 0.09  # linear value that the middle exposure gives the median of the view


@dataclass(frozen=True)
class View:
    """The part of a panorama that the middle frame shows, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Shot:
    """One exposure: when, for how long, and where the hand pointed (pixels, degrees)."""

    stops: int
    moment: float
    right: float = 0.0
    down: float = 0.0
    roll: float = 0.0

    @property
    def seconds(self) -> tuple[int, int]:
        """Exposure time as a fraction: 1/60 s in the middle."""
        return 1, 60 // 2**self.stops if self.stops > 0 else 60 * 2**-self.stops


VIEW = View(left=92, top=32, width=920, height=416)
SHOTS = (Shot(0, 0.0), Shot(-2, 1.0, 5.3, -3.6, 0.35), Shot(2, 2.0, -7.8, 4.4, -0.45))


def read_panorama(path: Path) -> Panorama:
    """Linear RGB of an equirectangular OpenEXR file, without its infinities."""
    with OpenEXR.File(str(path)) as file:
        pixels = file.channels()["RGB"].pixels.astype(np.float32)
    return np.nan_to_num(pixels, posinf=65504.0, neginf=0.0).clip(0)


def scene_during(panorama: Panorama, shot: Shot, samples: int, generator: Generator) -> Panorama:
    """What the panorama looks like while a shutter is open."""
    numerator, denominator = shot.seconds
    span = shot.moment, shot.moment + numerator / denominator
    for figure in (walker, balloon):
        panorama = stand_in(panorama, figure, span, samples, generator)
    return panorama


def look(panorama: Panorama, view: View, shot: Shot) -> Float32[np.ndarray, "h w 3"]:
    """The radiance in a view as the hand of a shot held it; no resampling where it held still."""
    if not (shot.right or shot.down or shot.roll):
        bottom, right = view.top + view.height, view.left + view.width
        return panorama[view.top : bottom, view.left : right].copy()
    middle = np.array([view.width - 1, view.height - 1]) / 2
    target = middle + (view.left + shot.right, view.top + shot.down)
    turn = cv2.getRotationMatrix2D((0, 0), shot.roll, 1.0)
    turn[:, 2] = target - turn[:, :2] @ middle

    def warp(image: Panorama, interpolation: int) -> Panorama:
        size = (view.width, view.height)
        warped = cv2.warpAffine(image, turn, size, flags=interpolation | cv2.WARP_INVERSE_MAP)
        return warped.astype(np.float32, copy=False)

    block = np.ones((3, 3), np.uint8)
    low = warp(cv2.erode(panorama, block), cv2.INTER_NEAREST)
    high = warp(cv2.dilate(panorama, block), cv2.INTER_NEAREST)
    return np.clip(warp(panorama, cv2.INTER_LANCZOS4), low, high)  # no ringing around lamps


def expose(
    radiance: Float32[np.ndarray, "h w 3"], generator: Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """Codes of a sensor that clips at 1: shot noise, read noise, sRGB (IEC 61966-2-1), 8 bits."""
    electrons = generator.poisson(np.minimum(radiance, 4.0) * FULL_WELL)
    electrons = electrons + generator.normal(0.0, READ_NOISE, radiance.shape)
    linear = np.clip(electrons / FULL_WELL, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(255 * encoded).astype(np.uint8)


def exif_of(shot: Shot) -> Image.Exif:
    """What the plain camera writes about a shot."""
    seconds = IFDRational(*shot.seconds)
    date = f"2024:06:21 10:30:{round(shot.moment):02d}"
    exif = Image.Exif()
    exif.update({0x010F: "deghost", 0x0110: "plain camera", 0x0112: 1, 0x0132: date})
    exif.get_ifd(0x8769).update(
        {
            0x829A: seconds,  # ExposureTime
            0x829D: IFDRational(4, 1),  # FNumber
            0x8827: 200,  # ISOSpeedRatings
            0x9000: b"0232",  # ExifVersion
            0x9003: date,  # DateTimeOriginal
            0x9201: IFDRational(round(-1e6 * math.log2(seconds)), 1_000_000),  # ShutterSpeedValue
            0x9204: IFDRational(shot.stops, 1),  # ExposureBiasValue
            0xA001: 1,  # ColorSpace: sRGB
        }
    )
    return exif


def make_sample(
    panorama: Panorama, view: View, out: Path, samples: int = 24, seed: int = 2024
) -> None:
    """Write three JPEG files (middle, dark, bright) and truth.exr, where 1 clips the middle."""
    out.mkdir(parents=True, exist_ok=True)
    seen = look(panorama, view, SHOTS[0])
    panorama = panorama * np.float32(KEY / np.median(seen.mean(axis=2)))
    for number, shot in enumerate(SHOTS, start=1):
        generator = np.random.default_rng((seed, number))
        radiance = look(scene_during(panorama, shot, samples, generator), view, shot)
        frame = Image.fromarray(expose(radiance * np.float32(2.0**shot.stops), generator))
        name = out / f"IMG_{number:04d}.jpg"
        frame.save(name, quality=93, subsampling="4:4:4", exif=exif_of(shot))
        if number == 1:
            header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
            truth = np.minimum(radiance, 65504.0).astype(np.float16)
            OpenEXR.File(header, {"RGB": truth}).write(str(out / "truth.exr"))


def main() -> None:
    """Read the command line and make the sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="equirectangular OpenEXR, 1024 x 512")
    parser.add_argument("--out", type=Path, default=Path("examples"))
    arguments = parser.parse_args()
    make_sample(read_panorama(arguments.source), VIEW, arguments.out / "sample")


if __name__ == "__main__":
    main()
