"""Write the masks of a bracket, measure them, and say what was found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from rich.text import Text

from deghost.cli.terminal import make_table, print_json, say
from deghost.errors import ReadError, SettingsError, WriteError
from deghost.evaluate.masks import THRESHOLD, Agreement, compare_masks
from deghost.io.atomic import check_target, made_folder, together
from deghost.io.picture import write_picture
from deghost.merge.mask_files import MaskKind, first_file, mask_name, read_mask
from deghost.merge.merged import open_bracket
from deghost.merge.plan import MergePlan, plan_merge
from deghost.merge.segmentation import FrameMask, segment_bracket, write_mask
from deghost.merge.settings import MergeSettings


MEASURES = {"Dice": "dice", "IoU": "jaccard", "sens.": "sensitivity", "spec.": "specificity"}
SIMULATED: dict[MaskKind, str] = {"moved": "motion", "exposed": "well_exposed"}  # as in scenes


@dataclass(frozen=True)
class Job:
    """What is to be found and where it goes."""

    kind: MaskKind
    folder: Path
    suffix: str
    overlays: bool
    truth: Path | None

    def files(self, k: int, frame: Path) -> tuple[Path, ...]:
        """Name the mask of a frame and, if wanted, the picture that shows it."""
        mask = self.folder / mask_name(k, frame, self.kind, self.suffix)
        picture = self.folder / mask_name(k, frame, f"{self.kind}_overlay", ".jpg")
        return (mask, picture) if self.overlays else (mask,)


@dataclass(frozen=True)
class Found:
    """One mask that was found and written."""

    frame: int
    path: Path  # of the frame
    coverage: float  # share of the picture where the mask is at least a half
    agreement: Agreement | None  # with the truth, if there is one
    written: tuple[Path, ...]


def run(
    frames: Sequence[Path],
    settings: MergeSettings,
    job: Job,
    progress: Callable[[float], None],
    *,
    force: bool,
) -> list[Found]:
    """Segment a bracket and write all masks or, if anything goes wrong, none."""
    _check(job, frames, force=force)
    bracket = open_bracket(frames, settings)
    plan = plan_merge(bracket, settings)
    truths = _truths(job, plan)
    found = []
    with made_folder(job.folder), together():
        for item in segment_bracket(bracket, plan, job.kind):
            found.append(_write(item, job, plan, truths[item.frame], force=force))
            progress(len(found) / len(plan.frames))
    return found


def _check(job: Job, frames: Sequence[Path], *, force: bool) -> None:
    """Complain about files that cannot be written, before any work is done. Raises WriteError."""
    folder = job.folder.resolve()
    existing = next(above for above in (folder, *folder.parents) if above.exists())
    if not existing.is_dir():
        raise WriteError(f"{existing.name} is not a folder; name one for the masks")
    check_target(existing / "mask.png", force=True)
    inputs = {frame.resolve() for frame in frames}
    for k, frame in product(range(len(frames)), frames):
        for path in job.files(k, frame):
            if path.resolve() in inputs:
                raise WriteError(f"{path.name} is one of the files to read; name another folder")
            if path.exists():
                check_target(path, force=force)


def _truths(job: Job, plan: MergePlan) -> list[Path | None]:
    """Find the true mask of every frame; all lie on the grid of the reference.

    Which frame that was is told by the masks of motion in the folder, if there are any.
    Raises ReadError, or SettingsError where it is another than the plan's.
    """
    if job.truth is None:
        return [None] * len(plan.frames)
    folder = job.truth.name or job.truth
    if not job.truth.is_dir():
        raise ReadError(f"{folder} is no folder; give the one the true masks are in")
    found = _masks_of(job.kind, job.truth, plan)
    if not any(found):
        names = f"{mask_name(0, plan.frames[0], job.kind)} or {SIMULATED[job.kind]}_1.png"
        raise ReadError(f"{folder} has no true masks of these frames, such as {names}")
    moved = _masks_of("moved", job.truth, plan)
    without = [k for k, path in enumerate(moved) if path is None]
    if len(without) == 1 and without[0] != plan.reference:
        raise SettingsError(
            f"{folder} has masks of what moved in all frames but {without[0]}, so that is what its "
            f"masks are against; pass --reference {without[0]}"
        )
    return found


def _masks_of(kind: MaskKind, folder: Path, plan: MergePlan) -> list[Path | None]:
    """Find the mask of every frame by any name it may have."""
    return [
        first_file(
            folder,
            mask_name(k, frame, kind, ""),
            f"{frame.stem}_{kind}",
            f"{SIMULATED[kind]}_{k + 1}",
        )
        for k, frame in enumerate(plan.frames)
    ]


def _write(item: FrameMask, job: Job, plan: MergePlan, truth: Path | None, *, force: bool) -> Found:
    """Write a mask and its picture, and measure it."""
    frame = plan.frames[item.frame]
    written = job.files(item.frame, frame)
    write_mask(written[0], item.mask, force=force)
    if job.overlays:
        write_picture(written[1], item.overlay, force=force)
    agreement = None
    if truth is not None:
        y, x, height, width = plan.crop
        true = read_mask(truth, plan, labels=True)[y : y + height, x : x + width]
        agreement = compare_masks(item.mask, true)
    coverage = float((item.mask >= THRESHOLD).float().mean())
    return Found(item.frame, frame, coverage, agreement, written)


def print_masks(found: Sequence[Found], method: str, *, as_json: bool) -> None:
    """Print how much the masks cover, and how well they agree with the truth."""
    if as_json:
        print_json({"method": method, "masks": [_summary(item) for item in found]})
        return
    measured = any(item.agreement for item in found)
    titles = ("coverage", *(MEASURES if measured else ()))
    table = make_table("", "frame", *titles, right=titles)
    for item in found:
        numbers = [f"{value:.3f}" for value in _measures(item).values()]
        table.add_row(f"{item.frame}", Text(item.path.name), f"{item.coverage:.1%}", *numbers)
    say(table)
    for item in found:
        for path in item.written:
            say(f"wrote {path}")


def _measures(item: Found) -> dict[str, float]:
    if item.agreement is None:
        return {}
    return {name: float(getattr(item.agreement, name)) for name in MEASURES.values()}


def _summary(item: Found) -> dict[str, Any]:
    return {
        "frame": item.frame,
        "file": str(item.path),
        "coverage": item.coverage,
        **_measures(item),
        "written": [str(path) for path in item.written],
    }
