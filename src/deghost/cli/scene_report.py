"""What `deghost scenes` says about the scenes of a folder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.text import Text

from deghost.cli.terminal import make_table, print_json, say
from deghost.data.scene_set import SceneSet
from deghost.errors import ReadError
from deghost.types import Scene


LISTED = 20  # incomplete scenes


@dataclass(frozen=True)
class Found:
    """What one scene holds, or why it cannot be read."""

    name: str
    part: str
    frames: int = 0
    size: tuple[int, int] | None = None  # height and width
    channels: int = 0
    exposures: tuple[float, ...] = ()
    reference: int | None = None
    range: tuple[float, float] | None = None  # of the truth
    truth_size: tuple[int, int] | None = None
    masks: bool = False
    notes: tuple[str, ...] = ()
    problem: str = ""


def print_scenes(found: SceneSet, others: Sequence[str], most: int, *, as_json: bool) -> None:
    """Read at most `most` scenes, spread over the set, and print what they hold."""
    count = len(found)
    numbers = [k * count // most for k in range(most)] if count > most else range(count)
    parts = found.parts
    shown = [_found(found, k, parts[k]) for k in numbers]
    if as_json:
        print_json(_summary(found, others, shown))
        return
    _print_head(found, others, parts)
    _print_table([item for item in shown if not item.problem])
    if len(shown) < count:
        say(f"- {len(shown)} of {count} scenes were read; --all reads every one")
    _print_remarks(found, shown)


def _print_head(found: SceneSet, others: Sequence[str], parts: Sequence[str]) -> None:
    say(f"{found.layout.title} (layout {found.layout.name})")
    if others:
        say(f"- some of it would also fit: {', '.join(others)}")
    counts = ", ".join(f"{number} {part}" for part, number in Counter(parts).items())
    say(f"{len(parts)} scenes: {counts}")


def _print_remarks(found: SceneSet, shown: Sequence[Found]) -> None:
    """Print what reading decided, what is damaged and what is missing."""
    for note in sorted({note for item in shown for note in item.notes}):
        say(f"- {note}")
    for problem in filter(None, (item.problem for item in shown)):
        say(f"- {problem}")
    for entry in found.incomplete[:LISTED]:
        say(f"- {entry.name} is left out: {', '.join(entry.missing)} missing")
    if len(found.incomplete) > LISTED:
        say(f"- {len(found.incomplete) - LISTED} more are left out")


def _found(found: SceneSet, number: int, part: str) -> Found:
    try:
        return _measured(found[number], part, found.names[number])
    except ReadError as error:
        return Found(found.names[number], part, problem=str(error))


def _measured(scene: Scene, part: str, name: str) -> Found:
    count, channels, height, width = scene.frames.shape
    truth = scene.truth
    return Found(
        name=name,
        part=part,
        frames=count,
        size=(height, width),
        channels=channels,
        exposures=tuple(round(value, 6) for value in scene.exposures.tolist()),
        reference=scene.reference,
        range=None if truth is None else (truth.min().item(), truth.max().item()),
        truth_size=None if truth is None else (truth.shape[-2], truth.shape[-1]),
        masks=scene.motion is not None,
        notes=scene.notes,
    )


def _summary(found: SceneSet, others: Sequence[str], shown: Sequence[Found]) -> dict[str, Any]:
    return {
        "layout": found.layout.name,
        "title": found.layout.title,
        "could_also_be": list(others),
        "count": len(found),
        "parts": Counter(found.parts),
        "read": [asdict(item) for item in shown],
        "incomplete": [
            {"name": entry.name, "missing": list(entry.missing)} for entry in found.incomplete
        ],
    }


def _print_table(items: Sequence[Found]) -> None:
    if not items:
        return
    table = make_table("scene", "part", "size", "exposures", "ref", "truth", "masks")
    for item in items:
        height, width = item.size or (0, 0)
        truth = "none" if item.range is None else f"{item.range[0]:.3g} to {item.range[1]:.4g}"
        if item.truth_size is not None and item.truth_size != item.size:
            truth += f" ({item.truth_size[1]}x{item.truth_size[0]})"
        table.add_row(
            Text(item.name),
            item.part,
            f"{width}x{height}" + (" RAW" if item.channels == 4 else ""),
            " ".join(f"{value:.4g}" for value in item.exposures),
            str(item.reference),
            truth,
            "yes" if item.masks else "",
        )
    say(table)
