"""Writers of tiny data sets, each in its exact layout, without the package's own writers."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from deghost.data.views import make_panorama


HEIGHT, WIDTH = 6, 10


@dataclass
class Disk:
    """A folder under test, and a source of pictures that are never alike."""

    root: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def path(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def codes(self, kind=np.uint16, size=(HEIGHT, WIDTH), channels=3):
        white = np.iinfo(kind).max
        return self.rng.integers(0, white + 1, (*size, channels)).astype(kind)

    def tiff(self, name, pixels=None):
        pixels = self.codes() if pixels is None else pixels
        tifffile.imwrite(self.path(name), pixels, photometric="rgb")
        return pixels

    def png(self, name, pixels):
        shown = pixels[..., ::-1] if pixels.ndim == 3 else pixels
        assert cv2.imwrite(str(self.path(name)), shown)
        return pixels

    def hdr(self, name, scale=1.0, size=(HEIGHT, WIDTH)):
        """A radiance picture of values that its shared exponents hold exactly."""
        mantissas = self.rng.integers(0, 256, (*size, 3))
        mantissas[..., 0] |= 128
        truth = (mantissas / 256 * scale).astype(np.float32)
        assert cv2.imwrite(str(self.path(name)), truth[..., ::-1])
        return truth

    def text(self, name, text):
        self.path(name).write_bytes(text.encode())

    def npy(self, name, array):
        np.save(self.path(name), array)
        return array

    def kalantari(self, name, stops=(0, 2, 4), truth=True):
        """A scene as Kalantari's, with CRLF, and what was written."""
        frames = [self.tiff(f"{name}/262A{898 + k:04d}.tif") for k in range(3)]
        self.text(f"{name}/exposure.txt", "".join(f"{stop}\r\n" for stop in stops))
        return frames, self.hdr(f"{name}/HDRImg.hdr", 4.0) if truth else None


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


def channels_first(pictures, divisor):
    """What frames must read as: codes over a divisor, channels before rows."""
    return np.stack([np.float32(picture / divisor).transpose(2, 0, 1) for picture in pictures])


@pytest.fixture
def expected():
    return channels_first


def outdoors(name, seed, size=(256, 512)):
    """A panorama with a sky, a small sun, a horizon and a textured ground."""
    generator = np.random.default_rng(seed)
    height, width = size
    texture = np.ones(size, np.float32)
    for octave in range(3, 8):
        grid = generator.normal(size=(2 ** (octave - 1), 2**octave)).astype(np.float32)
        texture *= np.exp2(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.45)
    pixels = texture[..., None] * np.array([0.22, 0.18, 0.1], np.float32)
    pixels[: height // 2] = np.array([0.5, 0.7, 1.2]) * texture[: height // 2, :, None] ** 0.2
    cv2.circle(pixels, (int(generator.integers(40, width - 40)), height // 3), 5, (4e3,) * 3, -1)
    return make_panorama(name, pixels.astype(np.float16))


@pytest.fixture(scope="session")
def panoramas():
    return tuple(outdoors(f"field_{seed}", seed) for seed in range(3))
