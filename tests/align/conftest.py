"""Synthetic scenes and cameras, to which alignment must find the way back."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch


class Studio:
    """Scenes with texture in every octave, seen by a hand-held camera that clips and rounds."""

    size = (360, 480)

    def scene(self, seed, size=None):
        """Radiance around 0.05 over several stops: fractal texture and flat polygons."""
        height, width = size or self.size
        generator = np.random.default_rng(seed)
        stops = np.zeros((height, width, 3), np.float32)
        for cells in 2 ** np.arange(2, 9):
            grid = (int(cells * height / width) + 2, int(cells), 3)
            noise = generator.standard_normal(grid).astype(np.float32)
            noise = noise.mean(2, keepdims=True) * 1.7 + 0.25 * noise
            stops += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * (
                1.6 * 0.8 ** np.log2(cells)
            )
        for _ in range(25):
            corners = generator.uniform(0, 1, (4, 2)) * (width, height)
            corners = corners.mean(0) + (corners - corners.mean(0)) * generator.uniform(0.1, 0.4)
            colour = float(generator.uniform(-2.5, 2.5)) + generator.uniform(-0.5, 0.5, 3)
            hull = cv2.convexHull(corners.astype(np.int32))
            cv2.fillConvexPoly(stops, hull, colour.tolist(), cv2.LINE_AA)
        return 0.05 * np.exp2(1.2 * stops)

    def hand(self, seed, size=None, shift=20.0, angle=1.0):
        """The matrix from reference to frame of a camera held in the hand."""
        height, width = size or self.size
        generator = np.random.default_rng(seed)
        centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
        turn, zoom = np.radians(generator.uniform(-angle, angle)), generator.uniform(0.995, 1.005)
        cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
        tilt = generator.uniform(-1e-5, 1e-5, 2)
        x, y = generator.uniform(-shift, shift, 2)
        matrix = np.linalg.inv(centre) @ [[cos, -sin, x], [sin, cos, y], [*tilt, 1]] @ centre
        return matrix / matrix[2, 2]

    def look(self, scene, matrix):
        """What a camera that the matrix has moved sees, its edges mirrored."""
        size = scene.shape[1::-1]
        seen = cv2.warpPerspective(
            scene, matrix, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT
        )
        return np.maximum(seen, 0)

    def add_blobs(self, image, other, seed, share):
        """Cover a share of the picture with ellipses that show another scene."""
        generator = np.random.default_rng(seed)
        height, width = image.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        while mask.mean() < share:
            centre = (int(generator.integers(0, width)), int(generator.integers(0, height)))
            axes = (int(generator.integers(15, 60)), int(generator.integers(15, 60)))
            cv2.ellipse(mask, centre, axes, generator.uniform(0, 180), 0, 360, 1, -1)
        return np.where(mask[..., None] > 0, other, image)

    def expose(self, radiance, exposure, seed, curve=0.0, noisy=0.004):
        """Photograph: shot noise, a tone curve, clipping, 8-bit sRGB codes, linear again."""
        generator = np.random.default_rng(seed)
        linear = radiance * exposure
        noise = generator.standard_normal(linear.shape) * noisy * np.sqrt(0.1 + linear)
        encoded = np.clip(linear + noise, 0, 1) ** (1 / 2.4)
        encoded = np.clip(encoded - curve * np.sin(2 * np.pi * encoded), 0, 1)
        codes = np.round(255 * encoded) / 255
        return torch.from_numpy((codes**2.4).astype(np.float32)).permute(2, 0, 1)

    def error(self, found, true, size=None):
        """Mean distance in pixels, over the picture, between where two matrices send it."""
        height, width = size or self.size
        y, x = np.mgrid[0:height:8, 0:width:8]
        points = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], 1)
        first, second = points @ np.asarray(found).T, points @ np.asarray(true).T
        gap = first[:, :2] / first[:, 2:] - second[:, :2] / second[:, 2:]
        return float(np.linalg.norm(gap, axis=1).mean())


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio()


@pytest.fixture(scope="session")
def bracket(studio) -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """Make three frames `stops` apart of one scene, seen by cameras moved by `matrices`."""

    def make(matrices, stops=2.0, share=0.0, seed=1, curve=0.04):
        scene = studio.scene(seed, studio.size)
        exposures = [2.0 * 2.0 ** (stops * i) for i in (-1, 0, 1)]
        frames = []
        for i, matrix in enumerate(matrices):
            image = studio.look(scene, matrix)
            if share:
                image = studio.add_blobs(image, studio.scene(100 + i), i, share)
            frames.append(studio.expose(image, exposures[i], i, curve if i == 2 else 0.0))
        return torch.stack(frames), torch.tensor(exposures)

    return make
