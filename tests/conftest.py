"""Small brackets made by a plain camera, with their truth, and a writer of camera RAW."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import settings
from PIL import Image


settings.register_profile("steady", deadline=None)  # a busy machine is no fault
settings.load_profile("steady")

BLACK, WHITE = 512, 16383
NEUTRAL = np.array([0.5, 1.0, 0.7])  # what grey reads in a RAW camera's red, green and blue


@dataclass(frozen=True)
class Shot:
    """A bracket on disk and the radiance it was made from; 1.0 = clipping of the middle frame."""

    paths: tuple[Path, ...]
    truth: np.ndarray
    exposures: tuple[float, ...]


def make_scene(height=240, width=320, seed=0):
    """A textured scene of seven stops with a bright window."""
    rng = np.random.default_rng(seed)
    scene = np.zeros((height, width, 3), np.float32)
    for size, strength in ((4, 1.0), (12, 0.6), (40, 0.4), (160, 0.25)):
        coarse = rng.normal(0, 1, (size, size, 3)).astype(np.float32) * [[[1.0, 0.9, 0.9]]]
        scene += strength * cv2.resize(coarse.astype(np.float32), (width, height), interpolation=2)
    scene = 0.06 * np.exp2(1.2 * scene)
    scene[50:90, 220:260] *= 16
    return cv2.GaussianBlur(scene.astype(np.float32), (0, 0), 0.8)


def encode(linear):
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(curved * 255).astype(np.uint8)


def save(path, codes, time):
    exif = Image.Exif()
    exif[0x0112] = 1  # without a tag here, Pillow writes none at all into a PNG
    exif.get_ifd(0x8769).update({0x829A: time, 0x829D: 4.0, 0x8827: 100})
    options = {"quality": 98, "subsampling": 0} if path.suffix == ".jpg" else {}
    Image.fromarray(codes).save(path, exif=exif, **options)


def move(scene, shift):
    matrix = np.array([[1, 0, -shift[0]], [0, 1, -shift[1]]], np.float64)
    size = (scene.shape[1], scene.shape[0])
    return cv2.warpAffine(scene, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=2)


@pytest.fixture
def shoot(tmp_path):
    """A function that photographs a scene: exposures, shifts, a ball's px a frame, suffix, seed."""

    def photograph(exposures=(0.25, 1.0, 4.0), shifts=None, ball=0, suffix=".jpg", seed=0):
        rng = np.random.default_rng(seed)
        truth = make_scene(seed=seed)
        paths = []
        reference = len(exposures) // 2
        for k, exposure in enumerate(exposures):
            view = truth.copy()
            if ball:
                cv2.circle(
                    view, (60 + ball * (k - reference), 150), 18, (0.7, 0.5, 0.02), -1, cv2.LINE_AA
                )
            if k == reference:
                truth = view
            view = move(view, shifts[k]) if shifts else view
            light = np.maximum(view, 0) * exposure
            light = light + rng.normal(0, 1, light.shape) * np.sqrt(4e-5 * light + 1e-7)
            path = tmp_path / f"frame_{'bcadefghi'[k]}{suffix}"
            save(path, encode(light), exposure / 64)
            paths.append(path)
        return Shot(tuple(paths), truth, tuple(exposures))

    return photograph


@pytest.fixture
def write_dng() -> Callable[..., Path]:
    """Write a scene in white-balanced camera RGB as the mosaic of a DNG camera."""
    return _write_dng


def _write_dng(
    path, scene, orientation=1, clip=WHITE, neutral=NEUTRAL, pattern=("RG", "GB"), time=(1, 250)
):
    height, width = scene.shape[:2]
    filters = np.array([["RGB".index(letter) for letter in row] for row in pattern])
    repeats = -(-height // filters.shape[0]), -(-width // filters.shape[1])
    channel = np.tile(filters, repeats)[:height, :width]
    mosaic = np.take_along_axis(np.minimum(scene * neutral, 1), channel[..., None], axis=2)[..., 0]
    codes = np.round(BLACK + mosaic * (WHITE - BLACK)).clip(0, clip).astype(np.uint16)
    xyz_to_camera = [0.9, -0.3, -0.1, -0.4, 1.2, 0.2, -0.1, 0.2, 0.6]
    rational = lambda values: [part for v in values for part in (round(v * 10000), 10000)]  # noqa: E731
    tags = [
        (271, "s", 0, "Maker", True),
        (272, "s", 0, "Camera", True),
        (274, "H", 1, orientation, True),
        (33421, "H", 2, filters.shape, True),
        (33422, "B", filters.size, filters.astype(np.uint8).tobytes(), True),
        (33434, "2I", 1, time, True),
        (33437, "2I", 1, (28, 10), True),
        (34855, "H", 1, 400, True),
        (50706, "B", 4, bytes([1, 4, 0, 0]), True),
        (50708, "s", 0, "Maker Camera", True),
        (50714, "H", 1, BLACK, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, rational(xyz_to_camera), True),
        (50728, "2I", 3, rational(neutral), True),
        (50778, "H", 1, 21, True),
    ]
    tifffile.imwrite(
        path, codes, photometric=32803, extratags=tags, metadata=None, compression=None
    )
    return path
