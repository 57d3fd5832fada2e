"""Merge a `Scene` of known exposures and response by the same plan and render as files are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from deghost.errors import SettingsError
from deghost.merge.merged import render_plan
from deghost.merge.plan import MergePlan, plan_merge
from deghost.merge.settings import MergeSettings
from deghost.radiometry.response import named_response
from deghost.radiometry.stuck import mend_stuck
from deghost.types import Bracket, Capture, Exposure, Frame, Mask, Pixels, Radiance, Response, Scene


EXACT = 0.02  # codes: how far from whole numbers 8-bit pictures may be


def merge_scene(scene: Scene, settings: MergeSettings, motion: Tensor | None = None) -> Radiance:
    """Merge a scene into radiance in the scale and on the grid of its truth.

    What the scene knows is believed: exposures, response and reference. `motion` are known masks,
    one a frame, 1 = moved. Raises SettingsError for a packed mosaic.
    """
    bracket, plan = plan_scene(scene, settings)
    masks: list[Mask] | None = None if motion is None else list(motion)
    return torch.from_numpy(render_plan(bracket, plan, motion=masks).pixels).permute(2, 0, 1)


def plan_scene(scene: Scene, settings: MergeSettings) -> tuple[Bracket, MergePlan]:
    """Plan what `merge_scene` renders. Raises SettingsError for a packed mosaic."""
    known = replace(
        settings,
        reference=scene.reference,
        response=scene_response(scene).name,
        scale="absolute",
        crop=False,
        pixel_type="float",
    )
    bracket = bracket_of(scene)
    return bracket, plan_merge(bracket, known)


def bracket_of(scene: Scene) -> Bracket:
    """Put a scene's frames as a camera would have stored them, with their exposures.

    Codes that are whole 255ths become 8 bits, others 16. Raises SettingsError for a packed mosaic.
    """
    if scene.frames.shape[1] != 3:
        raise SettingsError(f"{scene.name} is a packed mosaic; develop it to RGB before merging")
    response = scene_response(scene)
    frames = tuple(
        Frame(
            path=Path(f"{scene.name}/frame {k}"),
            pixels=stored_codes(codes),
            response=response,
            to_rec709=np.eye(3),
            capture=Capture(),
        )
        for k, codes in enumerate(scene.frames)
    )
    exposures = tuple(Exposure(value, "known") for value in scene.exposures.tolist())
    mended, _ = mend_stuck(frames, exposures)
    return Bracket(tuple(mended), exposures)


def scene_response(scene: Scene) -> Response:
    """Return the response of a scene's codes.

    Example:
        >>> scene_response(Scene("a", torch.zeros(2, 3, 4, 4), torch.ones(2), 0)).name
        'gamma2.2'
    """
    if scene.curve is None:
        return named_response(scene.response)
    return Response(f"{scene.response} of the scene", scene.curve.numpy())


def stored_codes(codes: Float[Tensor, "3 h w"]) -> Pixels:
    """Turn codes in [0, 1] into 8-bit numbers where they are exactly that, else into 16-bit ones.

    Example:
        >>> stored_codes(torch.full((3, 1, 1), 51 / 255)).tolist(), stored_codes(
        ...     torch.full((3, 1, 1), 0.25)).tolist()
        ([[[51, 51, 51]]], [[[16384, 16384, 16384]]])
    """
    values = codes.clamp(0, 1).permute(1, 2, 0).numpy()
    eighth = values * np.float32(255)
    if float(np.abs(eighth - np.rint(eighth)).max(initial=0)) < EXACT:
        return np.rint(eighth).astype(np.uint8)
    return np.rint(values * np.float32(65535)).astype(np.uint16)
