"""A merge plan as JSON: to read, to edit, to ship to another machine, to render again."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from deghost.align.warp import Warp
from deghost.errors import PlanError
from deghost.io.bracket import read_frames
from deghost.merge.plan import MergePlan
from deghost.merge.settings import Method, PixelType, Scale
from deghost.radiometry.matching import Match
from deghost.radiometry.noise import NoiseModel
from deghost.segment.motion import MotionSettings
from deghost.types import Bracket, Exposure, Response


FORMAT = "deghost plan 1"
T = TypeVar("T")


def plan_to_json(plan: MergePlan) -> str:
    """Write a plan as JSON, with numbers in full precision."""
    names = [name for name in MergePlan.__dataclass_fields__ if name != "prepared"]
    fields = {name: getattr(plan, name) for name in names}
    fields["frames"] = [str(path) for path in plan.frames]
    fields["response"] = plan.response and {
        "name": plan.response.name,
        "table": np.asarray(plan.response.table).tolist(),
    }
    for name in ("exposures", "noise"):
        fields[name] = [asdict(item) for item in fields[name]]
    fields["matches"] = [match and asdict(match) for match in plan.matches]
    fields["warps"] = [_warp_fields(warp) for warp in plan.warps]
    fields["motion"] = asdict(plan.motion)
    return json.dumps({"format": FORMAT, **fields}, indent=1, allow_nan=False) + "\n"


def plan_from_json(text: str, name: str = "plan") -> MergePlan:
    """Read a plan. Raises PlanError naming the part that is wrong."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise PlanError(f"{name} is not JSON: {error}") from error
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise PlanError(f"{name} is no plan of this version of deghost; write it with --plan")
    builders: dict[str, Callable[[Any], Any]] = {
        "frames": _each(Path),
        "size": tuple,
        "exposures": _each(lambda item: Exposure(float(item["value"]), str(item["source"]))),
        "reference": int,
        "response": _optional(lambda item: Response(item["name"], np.array(item["table"]))),
        "matches": _each(_optional(_match)),
        "noise": _each(lambda item: NoiseModel(float(item["shot"]), float(item["read"]))),
        "tolerances": _each(float),
        "warps": _each(_warp),
        "motion": lambda item: MotionSettings(**{key: float(v) for key, v in item.items()}),
        "flow": bool,
        "crop": _each(int),
        "method": _choice(Method),
        "scale": _choice(Scale),
        "pixel_type": _choice(PixelType),
        "notes": _each(str),
    }
    if missing := builders.keys() - data.keys():
        raise PlanError(f"{name} lacks {', '.join(sorted(missing))}; write it again with --plan")
    values = {}
    for key, build in builders.items():
        try:
            values[key] = build(data[key])
        except (TypeError, ValueError, KeyError) as error:
            raise PlanError(f"{name}: {key!r} is not what it should be ({error})") from error
    plan = MergePlan(**values)
    _check(plan, name)
    return plan


def _check(plan: MergePlan, name: str) -> None:
    count = len(plan.frames)
    for part in ("exposures", "matches", "noise", "tolerances", "warps"):
        if len(getattr(plan, part)) != count:
            raise PlanError(f"{name}: {count} frames, but {len(getattr(plan, part))} {part}")
    if not 0 <= plan.reference < count:
        raise PlanError(f"{name}: the reference is {plan.reference}, but there are {count} frames")
    if not all(math.isfinite(e.value) and e.value > 0 for e in plan.exposures):
        raise PlanError(f"{name}: exposures must be positive numbers")
    y, x, height, width = plan.crop
    if (
        y < 0
        or x < 0
        or height < 1
        or width < 1
        or (y + height > plan.size[0] or x + width > plan.size[1])
    ):
        raise PlanError(f"{name}: the crop {plan.crop} lies outside of the frames {plan.size}")


def _each(build: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda items: tuple(build(item) for item in items)


def _optional(build: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda item: None if item is None else build(item)


def _choice(options: Any) -> Callable[[Any], str]:
    def build(item: Any) -> str:
        if item not in get_args(options):
            raise ValueError(f"{item!r} is none of {', '.join(get_args(options))}")
        return str(item)

    return build


def _match(item: dict[str, Any]) -> Match:
    stops = tuple(tuple(float(stop) for stop in channel) for channel in item["stops"])
    return Match(stops, float(item["remaining"]), float(item["before"]))


def _warp_fields(warp: Warp) -> dict[str, Any]:
    fields = asdict(warp)
    fields["matrix"] = np.asarray(warp.matrix).tolist()
    for name in ("residual_before", "residual_after"):  # JSON knows no NaN
        fields[name] = fields[name] if math.isfinite(fields[name]) else None
    return fields


def _warp(item: dict[str, Any]) -> Warp:
    residuals = {
        name: math.nan if item[name] is None else float(item[name])
        for name in ("residual_before", "residual_after")
    }
    matrix, size = np.array(item["matrix"], np.float64), tuple(item["size"])
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError("a warp needs a matrix of 3 x 3 numbers")
    return Warp(
        matrix,
        size,
        item["model"],
        inliers=float(item["inliers"]),
        reason=item["reason"],
        **residuals,
    )


def read_plan(path: Path) -> tuple[Bracket, MergePlan]:
    """Read a plan and the frames it names; relative paths start at the plan's folder.

    Raises PlanError, or ReadError for a frame that cannot be read.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path.name} cannot be read as a plan: {error}") from error
    plan = plan_from_json(text, path.name)
    paths = tuple(path.parent / frame for frame in plan.frames)
    frames = tuple(read_frames(paths))
    for frame in frames:
        if frame.size != plan.size:
            raise PlanError(
                f"{path.name} was made for frames of {plan.size[1]}x{plan.size[0]} pixels, but "
                f"{frame.path.name} has {frame.size[1]}x{frame.size[0]}"
            )
    return Bracket(frames, plan.exposures), replace(plan, frames=paths)
