"""Frames for training exposure segmenters, from scenes that are simulated or read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from deghost.data.scene_settings import SceneSettings
from deghost.data.stream import SceneStream, stream_scenes
from deghost.data.views import Panorama
from deghost.errors import SettingsError
from deghost.radiometry.noise import NoiseModel, estimate_noise
from deghost.radiometry.scene_light import linear_frames
from deghost.segment.exposure import MASKS, Side
from deghost.train.batches import joined
from deghost.types import Image, Scene


TruthRule = Literal["manual", "otsu"]
Codes = UInt8[Tensor, "n 3 h w"]
PATCH = 64  # px, side of the patches that noise is estimated from
CRUSHED = 2 / 255  # codes of 8 bits below this show next to nothing


@dataclass(frozen=True)
class ExposedFrames:
    """Frames of any exposure, what is known of their noise, and where they are well exposed."""

    codes: Float[Tensor, "b 3 h w"]
    linear: Float[Tensor, "b 3 h w"]
    noise: Float[Tensor, "b 2"]  # shot and read
    well_exposed: Float[Tensor, "b h w"]


@dataclass(frozen=True)
class RuledFrames:
    """Codes of dark or bright frames, and where a rule says that they are well exposed."""

    codes: Float[Tensor, "b 3 h w"]
    well_exposed: Float[Tensor, "b h w"]


@dataclass(frozen=True)
class FramePool:
    """The darkest and the brightest frames of many scenes, as 8-bit codes of one size."""

    dark: Codes
    bright: Codes

    def of(self, side: Side) -> Codes:
        """Return the frames of a side."""
        return self.dark if side == "dark" else self.bright


def exposed_frames(scene: Scene) -> ExposedFrames:
    """Prepare all frames of a simulated scene, with noise estimated as a merge would."""
    linear = linear_frames(scene)
    noise = torch.tensor([[model.shot, model.read] for model in frame_noise(scene, linear)])
    good = scene.well_exposed
    if good is None:
        raise SettingsError(f"{scene.name} does not tell what is well exposed; simulate scenes")
    return ExposedFrames(scene.frames.contiguous(), linear.contiguous(), noise, good)


def frame_noise(scene: Scene, linear: Float[Tensor, "n 3 h w"]) -> list[NoiseModel]:
    """Estimate the noise of all frames; what the blackest codes of 8 bits hide counts as read."""
    models = [estimate_noise(_patches(frame)) for frame in linear]
    if scene.details.get("bits", 8) != 8:
        return models
    codes = torch.full((1, 3, 1, 1), CRUSHED)
    black = Scene(scene.name, codes, torch.ones(1), 0, scene.response, scene.curve)
    least = float(linear_frames(black).mean()) ** 2
    return [replace(model, read=max(model.read, least)) for model in models]


def extreme_frames(scene: Scene) -> Float[Tensor, "2 3 h w"]:
    """Take the codes of the darkest and the brightest frame."""
    return scene.frames[[0, -1]].contiguous()


def simulated_pool(panoramas: Sequence[Panorama], size: int, seed: int, count: int) -> FramePool:
    """Simulate scenes of a small size and keep their extreme frames."""
    settings = SceneSettings(size=(size, size))
    stream = SceneStream(panoramas, settings, seed, extreme_frames)
    return _pooled(islice(stream_scenes(stream, workers=0), count))


def pool_of_scenes(scenes: Iterable[Scene], size: int) -> FramePool:
    """Cut the extreme frames of scenes that were read into tiles that do not overlap.

    Frames are first reduced so that two tiles fit their shorter side. Raises SettingsError if no
    frame is as large as a tile.
    """
    tiles = [pair for scene in scenes for pair in _tiles(extreme_frames(scene), size)]
    if not tiles:
        raise SettingsError(f"no frame has {size} x {size} pixels; give a smaller --size")
    return _pooled(tiles)


def ruled_masks(codes: Codes, side: Side, rule: TruthRule) -> Float[Tensor, "n h w"]:
    """Apply a rule to every frame."""
    return torch.stack([MASKS[rule](frame / 255, side) for frame in codes])


def ruled_batches(
    codes: Codes, masks: Float[Tensor, "n h w"], batch: int, seed: int
) -> Iterator[RuledFrames]:
    """Yield batches forever: all frames in a new order every time, some of them mirrored."""
    for chosen, generator in _orders(len(codes), batch, seed):
        pictures, truths = codes[chosen].float() / 255, masks[chosen]
        if torch.rand((), generator=generator) < 0.5:
            pictures, truths = pictures.flip(-1), truths.flip(-1)
        yield RuledFrames(pictures, truths)


def simulated_frames(
    panoramas: Sequence[Panorama], settings: SceneSettings, seed: int, count: int
) -> list[ExposedFrames]:
    """Simulate scenes and prepare all their frames."""
    stream = SceneStream(panoramas, settings, seed, exposed_frames)
    return list(islice(stream_scenes(stream, workers=0), count))


def exposed_batches(
    scenes: Sequence[ExposedFrames], batch: int, seed: int
) -> Iterator[ExposedFrames]:
    """Yield the frames of `batch` scenes at a time forever, some of them mirrored or turned."""
    for chosen, generator in _orders(len(scenes), batch, seed):
        frames = joined([scenes[k] for k in chosen.tolist()])
        if torch.rand((), generator=generator) < 0.5:
            frames = _turned(frames)
        yield frames


def _turned(frames: ExposedFrames) -> ExposedFrames:
    """Swap rows and columns."""
    return replace(
        frames,
        codes=frames.codes.transpose(-1, -2),
        linear=frames.linear.transpose(-1, -2),
        well_exposed=frames.well_exposed.transpose(-1, -2),
    )


def _orders(count: int, batch: int, seed: int) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Draw who comes together, forever; what does not fill a batch waits for another round."""
    generator = torch.Generator().manual_seed(seed)
    size = min(batch, count)
    while True:
        order = torch.randperm(count, generator=generator)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size], generator


def _pooled(pairs: Iterable[Float[Tensor, "2 3 h w"]]) -> FramePool:
    codes = torch.stack([(pair * 255).round().to(torch.uint8) for pair in pairs])
    return FramePool(codes[:, 0].contiguous(), codes[:, 1].contiguous())


def _tiles(pair: Float[Tensor, "2 3 h w"], size: int) -> list[Float[Tensor, "2 3 size size"]]:
    shorter = min(pair.shape[-2:])
    if shorter > 2 * size:
        scale = 2 * size / shorter
        pair = functional.interpolate(pair, scale_factor=scale, mode="area")
    rows, columns = (length // size for length in pair.shape[-2:])
    return [
        pair[..., y * size : (y + 1) * size, x * size : (x + 1) * size]
        for y in range(rows)
        for x in range(columns)
    ]


def _patches(linear: Image) -> list[Float[Tensor, "3 p p"]]:
    height, width = linear.shape[-2:]
    return [
        linear[:, y : y + PATCH, x : x + PATCH]
        for y in range(0, height - PATCH + 1, PATCH)
        for x in range(0, width - PATCH + 1, PATCH)
    ]
