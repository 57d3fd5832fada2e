"""The camera model: its properties, how they are drawn, and how it turns light into codes."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8
from numpy.random import Generator

from deghost.data.curves import Curve, encode_light
from deghost.radiometry.mosaic import interpolate_mosaic


Picture = Float32[np.ndarray, "h w 3"]
Bits = Literal[8, 10, 12, 14, 16]
Demosaicing = Literal["edges", "linear", "gradients"]


@dataclass(frozen=True)
class Camera:
    """What one camera does with light; the light 1.0 of its RGB is where its codes end."""

    curve: Curve
    bits: Bits  # of the codes
    jpeg_quality: int | None  # 8-bit only
    jpeg_chroma: Literal["444", "422", "420"]
    full_well: float  # electrons of green at clipping, at this ISO
    iso: float
    read_noise: float  # electrons
    row_noise: float  # electrons, also of columns, the same for a whole one
    converter_bits: int  # of the sensor's converter
    black_level: float  # share of the converter's range
    gains: Float[np.ndarray, " 3"]  # white balance, at least 1, green 1
    to_rgb: Float[np.ndarray, "3 3"]  # balanced sensor RGB -> linear Rec. 709, rows sum to 1
    blur: float  # sigma of the optics, pixels
    sharpening: float  # strength of an unsharp mask on the codes
    bayer: bool  # whether two of three colours of every pixel are interpolated
    bad_pixels: float  # share of pixels that are dead or always clipped
    demosaicing: Demosaicing = "edges"  # how colours are interpolated


def draw_camera(curve: Curve, bits: Bits, iso: float, generator: Generator) -> Camera:
    """Draw the rest of a camera of a given curve, depth of codes and ISO."""
    strength = generator.uniform(0, 1)
    turn = np.array([[1.65, -0.52, -0.13], [-0.20, 1.50, -0.30], [0.02, -0.50, 1.48]])
    matrix = np.eye(3) + strength * (turn - np.eye(3))
    matrix += generator.normal(0, 0.02, (3, 3))
    bayer = bool(generator.random() < 0.5)
    wells = float(np.exp(generator.uniform(np.log(15_000), np.log(90_000))))
    return Camera(
        curve=curve,
        bits=bits,
        jpeg_quality=int(generator.integers(78, 99)) if bits == 8 else None,
        jpeg_chroma=("444", "422", "420")[generator.choice(3, p=(0.4, 0.3, 0.3))],
        full_well=wells * 100 / iso,
        iso=iso,
        read_noise=float(np.exp(generator.uniform(np.log(1.2), np.log(6)))),
        row_noise=float(generator.uniform(0, 0.6)),
        converter_bits=int(generator.choice((12, 14))),
        black_level=float(generator.uniform(0.005, 0.06)),
        gains=np.array([generator.uniform(1.3, 2.6), 1.0, generator.uniform(1.2, 2.4)]),
        to_rgb=matrix / matrix.sum(axis=1, keepdims=True),
        blur=float(generator.uniform(0.25, 0.75)),
        sharpening=float(generator.uniform(0.2, 0.8)) if generator.random() < 0.35 else 0.0,
        bayer=bayer,
        bad_pixels=float(10 ** generator.uniform(-6, -4.2)) if generator.random() < 0.2 else 0.0,
    )


def to_sensor(light: Picture, camera: Camera) -> Picture:
    """Give what each colour of the sensor receives, 1.0 = its clipping, unclipped."""
    matrix = np.linalg.inv(camera.to_rgb) / camera.gains[:, None]
    return np.maximum(cv2.transform(light, matrix), 0)


def develop(sensor: Picture, camera: Camera) -> Picture:
    """Balance what a sensor recorded and turn it into linear Rec. 709 from 0 to 1.

    Balanced colours end at 1, where the first one clips, so that clipped areas become white.
    """
    balanced = np.minimum(sensor * camera.gains.astype(np.float32), 1)
    linear = cv2.transform(balanced, camera.to_rgb)
    return np.clip(linear, 0, 1, out=linear)


def record(
    sensor: Float32[np.ndarray, "*shape"], camera: Camera, generator: Generator
) -> Float32[np.ndarray, "*shape"]:
    """Count photons: shot, read, row and column noise, black level, clipping and quantisation.

    With a normal z, the number of electrons is `m + s z + (z**2 - 1) m / (6 s**2)`, where s**2 is
    the mean m plus the square of the read noise: mean, variance and skewness of Poisson's
    distribution with read noise (Cornish and Fisher 1938). The result goes from 0, which is the
    black level, to 1, clipping.
    """
    mean = np.minimum(sensor, 8.0) * np.float32(camera.full_well)
    normal = generator.standard_normal(sensor.shape, np.float32)
    variance = mean + np.float32(camera.read_noise**2)
    electrons = np.sqrt(variance)
    electrons *= normal
    electrons += mean
    normal *= normal
    normal -= 1
    normal *= mean
    normal /= variance
    normal *= np.float32(1 / 6)
    electrons += normal
    if camera.row_noise:
        electrons += _lines(sensor.shape, camera, generator)
    return _converted(electrons, camera)


def _lines(
    shape: tuple[int, ...], camera: Camera, generator: Generator
) -> Float32[np.ndarray, "*shape"]:
    """Draw noise that a whole row or column shares, electrons."""
    height, width = shape[:2]
    lines = generator.standard_normal(height + width, np.float32) * np.float32(camera.row_noise)
    both = lines[:height, None] + lines[height:]
    return both.reshape(height, width, *(1,) * (len(shape) - 2))


def _converted(
    electrons: Float32[np.ndarray, "*shape"], camera: Camera
) -> Float32[np.ndarray, "*shape"]:
    """Turn electrons into the converter's levels and these into light without black level."""
    levels = 2**camera.converter_bits - 1
    black = camera.black_level * levels
    electrons *= np.float32((levels - black) / camera.full_well)
    electrons += np.float32(black)
    np.rint(np.clip(electrons, 0, levels, out=electrons), out=electrons)
    electrons -= np.float32(black)
    electrons *= np.float32(1 / (levels - black))
    return np.clip(electrons, 0, 1, out=electrons)


def expose(
    sensor: Picture, camera: Camera, bad: Bool[np.ndarray, "h w"] | None, generator: Generator
) -> Picture:
    """Turn what a sensor receives into the codes of a file, 1.0 = the largest code."""
    if camera.bayer:
        seen = _demosaiced(expose_mosaic(sensor, camera, bad, generator), camera.demosaicing)
    else:
        seen = _with_bad(record(sensor, camera, generator), bad)
    return finish(develop(seen, camera), camera)


def expose_mosaic(
    sensor: Picture, camera: Camera, bad: Bool[np.ndarray, "h w"] | None, generator: Generator
) -> Float32[np.ndarray, "h w"]:
    """Turn what a sensor receives into its RAW mosaic, 0 = black level, 1.0 = clipping."""
    return _with_bad(record(mosaic(sensor), camera, generator), bad)


def finish(linear: Picture, camera: Camera) -> Picture:
    """Encode linear light from 0 to 1: curve, sharpening, quantisation, JPEG."""
    codes = encode_light(linear, camera.curve)
    if camera.sharpening:
        soft = cv2.GaussianBlur(codes, (5, 5), 1.0)
        codes = cv2.addWeighted(codes, 1 + camera.sharpening, soft, -camera.sharpening, 0)
        codes = np.clip(codes, 0, 1, out=codes)
    largest = np.float32(2**camera.bits - 1)
    if camera.jpeg_quality is None or camera.bits != 8:
        return np.rint(codes * largest) / largest
    return jpeg(np.rint(codes * largest).astype(np.uint8), camera).astype(np.float32) / largest


def jpeg(codes: UInt8[np.ndarray, "h w 3"], camera: Camera) -> UInt8[np.ndarray, "h w 3"]:
    """Compress RGB codes as JPEG, and decompress them."""
    chroma = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{camera.jpeg_chroma}")
    options = [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg_quality or 95]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, chroma]
    _, stream = cv2.imencode(".jpg", codes[..., ::-1], options)
    decoded = np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR))
    return decoded[..., ::-1]


def mosaic(colours: Picture) -> Float32[np.ndarray, "h w"]:
    """Keep one colour a pixel, rows R G R G and G B G B."""
    plane = colours[..., 1].copy()
    plane[::2, ::2] = colours[::2, ::2, 0]
    plane[1::2, 1::2] = colours[1::2, 1::2, 2]
    return plane


def _demosaiced(plane: Float32[np.ndarray, "h w"], demosaicing: Demosaicing) -> Picture:
    """Interpolate the missing colours; OpenCV calls a mosaic by its second row."""
    if demosaicing == "gradients":
        colours = interpolate_mosaic(torch.from_numpy(plane)[None, None])[0].clamp_(0, 1)
        return np.ascontiguousarray(colours.permute(1, 2, 0).numpy())
    levels = np.rint(plane * 65535).astype(np.uint16)
    ways = {"edges": cv2.COLOR_BayerBG2RGB_EA, "linear": cv2.COLOR_BayerBG2RGB}
    full = cv2.cvtColor(levels, ways[demosaicing])
    full[[0, -1]], full[:, [0, -1]] = full[[2, -3]], full[:, [2, -3]]
    return full.astype(np.float32) / np.float32(65535)


def _with_bad(
    seen: Float32[np.ndarray, "*shape"], bad: Bool[np.ndarray, "h w"] | None
) -> Float32[np.ndarray, "*shape"]:
    """Let bad pixels of even columns be dead and those of odd ones always clip, in place."""
    if bad is not None:
        rows, columns = np.nonzero(bad)
        seen[rows, columns] = (columns % 2).reshape(-1, *(1,) * (seen.ndim - 2))
    return seen
