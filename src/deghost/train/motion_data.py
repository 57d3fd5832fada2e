"""Pairs for training motion segmenters: a frame, and what is known of the scene before it."""

from dataclasses import dataclass
from zlib import crc32

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.nn import functional

from deghost.errors import TrainError
from deghost.merge.curves import RAMPS
from deghost.merge.weighted import Layer, extend, pair_features, start_fusion
from deghost.radiometry.noise import NoiseModel, estimate_noise, unclipped
from deghost.radiometry.scene_light import linear_frames
from deghost.types import Image, Scene


PATCH = 128
MISTAKEN = 0.3  # by how much noise is over- or underestimated, as a natural logarithm


@dataclass(frozen=True)
class MotionPairs:
    """What a network is told of every frame but the reference, and the truth."""

    features: Float[Tensor, "n c h w"]
    motion: Float[Tensor, "n h w"]


def motion_pairs(scene: Scene) -> MotionPairs:
    """Describe every frame of a simulated scene as the merge would, in the order of merging.

    Frames are aligned by the true camera with an error of up to half a pixel, their light is off
    by a few hundredths and their noise by a third, as in practice.
    """
    if scene.motion is None:
        raise TrainError(f"{scene.name} has no motion masks; take simulated scenes")
    (_, reference), *others = aligned_layers(scene).items()
    fusion = start_fusion(reference)
    pairs = []
    for k, layer in others:
        features = pair_features(fusion, layer)
        pairs.append((features, scene.motion[k]))
        fusion = extend(fusion, layer, 1 - scene.motion[k])
    described, masks = zip(*pairs, strict=True)
    return MotionPairs(torch.stack(described), torch.stack(masks))


def aligned_layers(scene: Scene) -> dict[int, Layer]:
    """Give the layers of a simulated scene by frame, in the order of merging, reference first.

    Always the same for a scene. Raises TrainError without the true camera.
    """
    if scene.camera is None:
        raise TrainError(f"{scene.name} has no camera poses; take simulated scenes")
    generator = default_rng(crc32(scene.name.encode()))
    relative = (scene.exposures / scene.exposures[scene.reference]).tolist()
    linear = linear_frames(scene)
    mistake = float(np.exp(generator.normal(0, MISTAKEN)))
    noise = [_noise(frame, mistake) for frame in linear]
    first, *others = sorted(range(len(relative)), key=lambda k: (abs(np.log2(relative[k])), k))
    layers = {first: _layer(scene, linear, noise, first, relative, None)}
    for k in others:
        layers[k] = _layer(scene, linear, noise, k, relative, generator)
    return layers


def _noise(linear: Image, mistake: float) -> NoiseModel:
    noise = estimate_noise([linear[:, :PATCH, :PATCH], linear[:, -PATCH:, -PATCH:]])
    return NoiseModel(noise.shot * mistake, noise.read * mistake)


def _layer(
    scene: Scene,
    linear: Float[Tensor, "n 3 h w"],
    noise: list[NoiseModel],
    k: int,
    relative: list[float],
    generator: Generator | None,
) -> Layer:
    codes = scene.frames[k].amax(0)
    if generator is not None:  # resampled, so trusted no more than the least of the neighbours
        codes = functional.max_pool2d(codes[None], 3, 1, 1)[0]
    trust = unclipped(codes, *RAMPS["encoded"])
    planes = torch.cat([linear[k], trust[None]])
    tolerance = 0.02
    if generator is not None and scene.camera is not None:
        matrix = scene.camera[k].numpy().astype(np.float64) @ _jitter(generator, codes.shape)
        array = planes.permute(1, 2, 0).contiguous().numpy()
        h, w = codes.shape
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        planes = torch.from_numpy(
            cv2.warpPerspective(array, matrix, (w, h), flags=flags, borderValue=(0, 0, 0, 0))
        ).permute(2, 0, 1)
        tolerance = float(generator.uniform(0.01, 0.05))
        gain = np.exp(generator.normal(0, tolerance / 3, (3, 1, 1))).astype(np.float32)
        planes = torch.cat([planes[:3] * torch.from_numpy(gain), planes[3:].clamp(0, 1)])
    light = planes[:3].clamp(min=0) / relative[k]
    return Layer(light.contiguous(), planes[3:].contiguous(), relative[k], noise[k], tolerance)


def _jitter(generator: Generator, size: torch.Size) -> np.ndarray:
    """A small error of alignment: nothing in a third of cases, else up to about half a pixel."""
    if generator.random() < 0.33:
        return np.eye(3)
    angle = generator.normal(0, 0.3) / max(size)
    shift = generator.normal(0, 0.25, 2)
    matrix = np.eye(3)
    matrix[:2, :2] += np.array([[0, -angle], [angle, 0]])
    matrix[:2, 2] = shift
    return matrix
