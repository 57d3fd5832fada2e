"""A merge plan as JSON: to read, to edit, to ship to another machine, to render again."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np

from deghost.align.warp import Model, Warp, corners
from deghost.errors import PlanError, SettingsError
from deghost.io.bracket import WIDEST, read_again
from deghost.merge.networks import NetworkUse
from deghost.merge.notes import current_notes
from deghost.merge.plan import MergePlan
from deghost.merge.settings import NETWORKS, Device, Method, PixelType, Scale
from deghost.radiometry.matching import LEVELS, Match
from deghost.radiometry.noise import NoiseModel
from deghost.radiometry.response import named_response
from deghost.segment.motion import MotionSettings
from deghost.segment.segmenters import ExposureSegmenter, Segmenter
from deghost.types import Bracket, Exposure, Response


FORMAT = "deghost plan 1"
T = TypeVar("T")


def plan_to_json(plan: MergePlan) -> str:
    """Write a plan as JSON, with numbers in full precision."""
    names = [name for name in MergePlan.__dataclass_fields__ if name != "prepared"]
    fields = {name: getattr(plan, name) for name in names}
    fields["frames"] = [path.as_posix() for path in plan.frames]
    fields["masks"] = plan.masks and plan.masks.as_posix()
    fields["response"] = plan.response and _response_fields(plan.response)
    for name in ("exposures", "noise"):
        fields[name] = [asdict(item) for item in fields[name]]
    fields["matches"] = [match and asdict(match) for match in plan.matches]
    fields["warps"] = [_warp_fields(warp) for warp in plan.warps]
    fields["motion"] = asdict(plan.motion)
    fields["network"] = plan.network and asdict(plan.network)
    return json.dumps({"format": FORMAT, **fields}, indent=1, allow_nan=False) + "\n"


def relative_to(plan: MergePlan, folder: Path) -> MergePlan:
    """Name the files of a plan as seen from the folder that its own will lie in."""
    network = plan.network and plan.network.moved(lambda path: _seen_from(path, folder))
    frames = tuple(_seen_from(path, folder) for path in plan.frames)
    masks = plan.masks and _seen_from(plan.masks, folder)
    return replace(plan, frames=frames, masks=masks, network=network)


def _seen_from(path: Path, folder: Path) -> Path:
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve()))
    except ValueError:  # on another drive
        return path.resolve()


def plan_from_json(text: str, name: str = "plan") -> MergePlan:
    """Read a plan. Raises PlanError naming the part that is wrong."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise PlanError(f"{name} is not JSON ({error}); write a plan with --plan") from error
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise PlanError(f"{name} is no plan of this version of deghost; write it with --plan")
    data.setdefault("network", None)  # plans of methods that need none may lack it
    data.setdefault("exposure_mask", "classical")  # as in plans from before there was a choice
    data.setdefault("masks", None)
    if missing := BUILDERS.keys() - data.keys():
        raise PlanError(f"{name} lacks {', '.join(sorted(missing))}; write it again with --plan")
    values = {}
    for key, build in BUILDERS.items():
        try:
            values[key] = build(data[key])
        except MISFITS as error:
            reason = " ".join(str(error).split())
            reason = f"there is no {reason}" if isinstance(error, KeyError) else reason
            raise PlanError(f"{name}: {key!r} is not what it should be ({reason})") from error
    plan = MergePlan(**values)
    _check(plan, name)
    return replace(plan, notes=current_notes(plan.notes, plan.reference))


def _check(plan: MergePlan, name: str) -> None:
    """Make sure that the parts of a plan fit each other."""
    count = len(plan.frames)
    for part in ("exposures", "matches", "noise", "tolerances", "warps"):
        if len(getattr(plan, part)) != count:
            raise PlanError(f"{name}: {count} frames, but {len(getattr(plan, part))} {part}")
    if not 0 <= plan.reference < count:
        raise PlanError(f"{name}: the reference is {plan.reference}, but there are {count} frames")
    values = [exposure.value for exposure in plan.exposures]
    if min(values) <= 0 or max(values) > min(values) * 2.0**WIDEST:
        raise PlanError(f"{name}: exposures must be positive and within {WIDEST} stops")
    y, x, height, width = plan.crop
    inside = min(y, x) >= 0 and y + height <= plan.size[0] and x + width <= plan.size[1]
    if min(height, width) < 1 or not inside:
        raise PlanError(f"{name}: the crop {plan.crop} lies outside of the frames {plan.size}")
    _check_network(plan, name)
    for warp in plan.warps:
        depth = corners((0, 0, *plan.size)) @ warp.matrix[2, :2] + warp.matrix[2, 2]
        if warp.size != plan.size or depth.min() <= 0 or abs(np.linalg.det(warp.matrix)) < 1e-6:
            raise PlanError(f"{name}: a warp does not fit frames of {plan.size}")


def _check_network(plan: MergePlan, name: str) -> None:
    """Make sure that a plan has a network just if its method is one, for frames that there are."""
    if (plan.network is None) == (plan.method in NETWORKS):
        raise PlanError(f"{name}: method {plan.method} and 'network' do not fit; plan again")
    frames = plan.network.frames if plan.network else (plan.reference,)
    if not {plan.reference} <= set(frames) <= set(range(len(plan.frames))):
        raise PlanError(
            f"{name}: the network's frames {frames} must be frames, the reference among them"
        )


def _each(build: Callable[[Any], T]) -> Callable[[Any], tuple[T, ...]]:
    return lambda items: tuple(build(item) for item in items)


def _optional(build: Callable[[Any], T]) -> Callable[[Any], T | None]:
    return lambda item: None if item is None else build(item)


def _choice(options: Any) -> Callable[[Any], Any]:
    def build(item: Any) -> str:
        if item not in get_args(options):
            raise ValueError(f"{item!r} is none of {', '.join(get_args(options))}")
        return str(item)

    return build


def _number(item: Any) -> float:
    if not math.isfinite(item):
        raise ValueError("a number is not finite")
    return float(item)


def _amount(item: Any) -> float:
    if _number(item) < 0:
        raise ValueError(f"{item} is negative")
    return float(item)


def _integers(count: int) -> Callable[[Any], Any]:
    def build(items: Any) -> tuple[int, ...]:
        if len(items) != count or any(type(item) is not int for item in items):
            raise ValueError(f"{count} whole numbers are needed")
        return tuple(items)

    return build


def _exposure(item: Any) -> Exposure:
    return Exposure(_number(item["value"]), str(item["source"]), bool(item.get("absolute", True)))


def _noise(item: Any) -> NoiseModel:
    noise = NoiseModel(_amount(item["shot"]), _amount(item["read"]))
    if noise.read == 0:
        raise ValueError("read noise must be positive")
    return noise


def _match(item: Any) -> Match:
    stops = tuple(tuple(_number(stop) for stop in channel) for channel in item["stops"])
    if [len(channel) for channel in stops] != [len(LEVELS)] * 3:
        raise ValueError(f"3 x {len(LEVELS)} stops are needed")
    return Match(stops, _number(item["remaining"]), _number(item["before"]))


def _motion(item: Any) -> MotionSettings:
    segmenter = _choice(Segmenter)(item.get("segmenter", "classical"))
    amounts = {key: _amount(value) for key, value in item.items() if key != "segmenter"}
    return MotionSettings(segmenter=segmenter, **amounts)


def _network(item: Any) -> NetworkUse:
    frames = _integers(len(item["frames"]))(item["frames"])
    return NetworkUse(
        str(item["weights"]), str(item["checksum"]), frames, _choice(Device)(item["device"])
    )


def _response_fields(response: Response) -> dict[str, Any]:
    """A response by its name alone where that says it all."""
    try:
        is_named = np.array_equal(named_response(response.name).table, response.table)
    except SettingsError:
        is_named = False
    table = None if is_named else np.asarray(response.table).tolist()
    return {"name": response.name, "table": table}


def _response(item: Any) -> Response:
    if item["table"] is None:
        return named_response(item["name"])
    table = np.array(item["table"], np.float64)
    if table.ndim != 2 or table.shape[0] != 3 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise ValueError("the table needs three rows of numbers")
    return Response(str(item["name"]), table)


def _warp_fields(warp: Warp) -> dict[str, Any]:
    fields = asdict(warp)
    fields["matrix"] = np.asarray(warp.matrix).tolist()
    for name in ("residual_before", "residual_after"):  # JSON knows no NaN
        fields[name] = fields[name] if math.isfinite(fields[name]) else None
    return fields


def _warp(item: Any) -> Warp:
    residuals = {
        name: math.nan if item[name] is None else _number(item[name])
        for name in ("residual_before", "residual_after")
    }
    matrix = np.array(item["matrix"], np.float64)
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError("a warp needs a matrix of 3 x 3 numbers")
    return Warp(
        matrix,
        _integers(2)(item["size"]),
        _choice(Model)(item["model"]),
        inliers=_number(item["inliers"]),
        reason=str(item["reason"]),
        failed=bool(item.get("failed", False)),  # which older plans do not say
        **residuals,
    )


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "frames": _each(Path),
    "size": _integers(2),
    "exposures": _each(_exposure),
    "reference": lambda item: _integers(1)([item])[0],
    "response": _optional(_response),
    "matches": _each(_optional(_match)),
    "noise": _each(_noise),
    "tolerances": _each(_amount),
    "warps": _each(_warp),
    "motion": _motion,
    "flow": bool,
    "crop": _integers(4),
    "method": _choice(Method),
    "scale": _choice(Scale),
    "pixel_type": _choice(PixelType),
    "notes": _each(str),
    "exposure_mask": _choice(ExposureSegmenter),
    "network": _optional(_network),
    "masks": _optional(Path),
}
# what the builders raise for JSON of another shape
MISFITS = (TypeError, ValueError, LookupError, AttributeError, OverflowError, SettingsError)


def read_plan(path: Path | str) -> tuple[Bracket, MergePlan]:
    """Read a plan and the frames it names.

    Raises PlanError, or ReadError for a frame that cannot be read.
    """
    path = Path(path)
    plan = load_plan(path)
    return open_planned(plan, path.name), plan


def load_plan(path: Path) -> MergePlan:
    """Read a plan without its frames; their relative paths start at the plan's folder.

    Raises PlanError.
    """
    name = path.name or str(path)
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise PlanError(f"{name} cannot be read: {error.strerror}; check the path") from error
    except UnicodeDecodeError as error:
        raise PlanError(f"{name} is no plan; give one written with --plan") from error
    plan = plan_from_json(text, name)
    network = plan.network and plan.network.moved(lambda weights: path.parent / weights)
    frames = tuple(path.parent / frame for frame in plan.frames)
    masks = plan.masks and path.parent / plan.masks
    return replace(plan, frames=frames, masks=masks, network=network)


def open_planned(plan: MergePlan, name: str = "the plan") -> Bracket:
    """Read the frames of a plan. Raises PlanError if they are not those it was made for."""
    frames = tuple(read_again(plan.frames, plan.exposures))
    for frame in frames:
        if frame.size != plan.size:
            raise PlanError(
                f"{name} was made for frames of {plan.size[1]}x{plan.size[0]} pixels, but "
                f"{frame.path.name} has {frame.size[1]}x{frame.size[0]}"
            )
    return Bracket(frames, plan.exposures)
