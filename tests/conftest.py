"""Small brackets made by a plain camera, with their truth."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image


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
