"""Compare masks of what is well exposed with the simulator's truth, and by what they merge.

python benchmarks/exposure_masks.py --panoramas VALIDATION --scenes 40
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.data.panoramas import read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.evaluate.masks import compare_masks
from deghost.evaluate.psnr import psnr_mu
from deghost.models.exposure_net import ExposureNet
from deghost.models.exposure_unet import ExposureUNet
from deghost.models.zoo import load_network
from deghost.radiometry.noise import NoiseModel, unclipped
from deghost.radiometry.scene_light import linear_frames
from deghost.segment.exposure import MASKS, above_noise, noise_mask
from deghost.segment.learned_exposure import learned_mask, unet_mask
from deghost.train.exposure_data import frame_noise
from deghost.types import Radiance, Scene


STATIC = SceneSettings(
    size=(256, 256),
    hold=("tripod",),
    actors=(0, 0),
    ripples=0.0,
    parallax=0.0,
    blur=0.0,
    light=0.0,
    perspective=0.0,
    iso=(100.0, 6400.0),
    key=(0.03, 0.3),
)
FLOOR = 1e-4  # weight of a masked value beside one that is not
Masks = Float[Tensor, "n h w"]


@dataclass(frozen=True)
class Case:
    """A scene with what every mask may know of its frames."""

    scene: Scene
    linear: Float[Tensor, "n 3 h w"]
    noise: list[NoiseModel]


Method = Callable[[Case], Masks]


def by_rule(rule: str) -> Method:
    """Masks of a dark and a bright frame; the middle one is for the rest, as in the paper."""

    def masks(case: Case) -> Masks:
        low = MASKS[rule](case.scene.frames[0], "dark")
        high = MASKS[rule](case.scene.frames[-1], "bright")
        return torch.stack([low, 1 - torch.maximum(low, high), high])

    return masks


def by_unets(low: ExposureUNet, high: ExposureUNet) -> Method:
    """The same by the paper's networks."""

    def masks(case: Case) -> Masks:
        dark = unet_mask(low, case.scene.frames[0])
        bright = unet_mask(high, case.scene.frames[-1])
        return torch.stack([dark, 1 - torch.maximum(dark, bright), bright])

    return masks


def by_house(network: ExposureNet) -> Method:
    """The house's network on every frame."""

    def masks(case: Case) -> Masks:
        frames = zip(case.scene.frames, case.linear, case.noise, strict=True)
        return torch.stack([learned_mask(network, *frame) for frame in frames])

    return masks


def by_noise(case: Case) -> Masks:
    """The classical mask as the merge has it."""
    return torch.stack([noise_mask(*f) for f in zip(case.linear, case.noise, strict=True)])


def by_tuned_noise(ratio: float, end: float) -> Method:
    """The classical mask with other limits."""

    def masks(case: Case) -> Masks:
        return torch.stack(
            [
                unclipped(light.amax(0), end - 0.02, end) * above_noise(light, noise, ratio)
                for light, noise in zip(case.linear, case.noise, strict=True)
            ]
        )

    return masks


def make_case(scene: Scene) -> Case:
    """Make light of the codes and estimate noise."""
    linear = linear_frames(scene)
    return Case(scene, linear, frame_noise(scene, linear))


def agreement(method: Method, cases: list[Case]) -> Float[Tensor, " n"]:
    """Mean IoU with the truth of the low, the middle and the high exposure."""
    values = [compare_masks(method(c), c.scene.well_exposed).jaccard for c in cases]
    return torch.stack(values).mean(0)


def merged(case: Case, masks: Masks) -> Radiance:
    """Average radiance by mask and inverse variance of noise."""
    total, weights = torch.zeros_like(case.linear[0]), torch.zeros_like(case.linear[0])
    best = case.linear[case.scene.reference]
    for k, noise in enumerate(case.noise):
        exposure = case.scene.exposures[k] / case.scene.exposures[case.scene.reference]
        variance = noise.variance(best * exposure) / exposure**2
        weight = (masks[k] + FLOOR) / variance
        total += weight * case.linear[k] / exposure
        weights += weight
    return total / weights / case.scene.exposures[case.scene.reference]


def quality(method: Method, cases: list[Case]) -> float:
    """Mean PSNR-mu of what the masks merge, light beyond the darkest frame's clipping cut off."""
    values = [psnr_mu(merged(c, method(c)), c.scene.truth, clip=True) for c in cases]
    return float(torch.stack(values).mean())


def tuned(cases: list[Case]) -> tuple[float, float]:
    """Choose the limits of the classical mask that agree best with the truth."""
    choices = [(ratio, end) for ratio in (2.0, 3.0, 5.0, 8.0, 12.0) for end in (0.96, 0.98, 0.995)]
    return max(choices, key=lambda c: float(agreement(by_tuned_noise(*c), cases).mean()))


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panoramas", type=Path, required=True)
    parser.add_argument("--tune-on", type=Path, help="panoramas that limits are chosen on")
    parser.add_argument("--scenes", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    places = read_panoramas(arguments.panoramas)
    count = range(arguments.scenes)
    cases = [make_case(make_scene(places, STATIC, 11, k)) for k in count]
    usual = replace(STATIC, iso=SceneSettings.iso, key=SceneSettings.key)
    plain = [make_case(make_scene(places, usual, 12, k)) for k in count]
    low, high = (load_network(f"exposure-unet-{exposure}") for exposure in ("low", "high"))
    house = load_network("exposure-net")
    assert isinstance(low, ExposureUNet)
    assert isinstance(high, ExposureUNet)
    assert isinstance(house, ExposureNet)
    methods: dict[str, Method] = {
        "all pixels": lambda case: torch.ones_like(case.linear[:, 0]),
        "manual range": by_rule("manual"),
        "Otsu": by_rule("otsu"),
        "paper's U-Nets": by_unets(low, high),
        "noise, as merged": by_noise,
    }
    if arguments.tune_on:
        others = read_panoramas(arguments.tune_on)
        limits = tuned([make_case(make_scene(others, STATIC, 13, k)) for k in count])
        methods[f"noise, tuned to {limits[0]:g}, {limits[1]:g}"] = by_tuned_noise(*limits)
    methods["house network"] = by_house(house)
    methods["truth"] = lambda case: case.scene.well_exposed
    print(f"{arguments.scenes} static scenes each; IoU and PSNR-mu, dB; varied: ISO to 6400, dark")
    print("| mask | low | middle | high | mean IoU | dB, varied | mean IoU, usual | dB, usual |")
    print("|---|---|---|---|---|---|---|---|")
    for name, method in methods.items():
        scores = agreement(method, cases)
        shown = [f"{value:.3f}" for value in (*scores.tolist(), float(scores.mean()))]
        shown += [f"{quality(method, cases):.2f}", f"{float(agreement(method, plain).mean()):.3f}"]
        print(f"| {name} | {' | '.join([*shown, f'{quality(method, plain):.2f}'])} |", flush=True)


if __name__ == "__main__":
    main()
