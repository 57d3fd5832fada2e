"""What a user is told about the frames of a plan, beyond the reasons of single decisions."""

from collections.abc import Sequence

from deghost.align.warp import Warp
from deghost.merge.decisions import EMPTY, empty_frames


REFERENCE = "reference: frame "  # how the note on the reference begins


def frame_notes(
    names: Sequence[str], shares: Sequence[tuple[float, float]], warps: Sequence[Warp]
) -> list[str]:
    """Say which frames show next to nothing, and which could not be aligned.

    `shares` of the pixels of each frame are clipped, and buried in noise.
    """
    if all(sum(lost) > EMPTY for lost in shares):
        return ["no frame measured anything, all is clipped or buried in noise: shoot it anew"]
    return [*empty_frames(names, shares), *unaligned_frames(names, warps)]


def unaligned_frames(names: Sequence[str], warps: Sequence[Warp]) -> list[str]:
    """Say which frames show other things than the reference where they lie, since no warp fits.

    Example:
        >>> failed = Warp(np.eye(3), (4, 6), failed=True)
        >>> unaligned_frames(["a.jpg", "b.jpg"], [Warp(np.eye(3), (4, 6)), failed])[0][:48]
        'frame 1 (b.jpg) could not be aligned: it serves '
    """
    return [
        f"frame {k} ({name}) could not be aligned: it serves only where it happens to agree with "
        "the reference; leave it out, or align the frames by hand and give --align none"
        for k, (name, warp) in enumerate(zip(names, warps, strict=True))
        if warp.failed
    ]


def current_notes(notes: Sequence[str], reference: int) -> tuple[str, ...]:
    """Correct what the notes of a plan say of its reference if that was edited since.

    Example:
        >>> current_notes(["reference: frame 1, the best exposed", "a.jpg: a grey picture"], 0)
        ('reference: frame 0, as the plan says', 'a.jpg: a grey picture')
    """
    same = f"{REFERENCE}{reference},"
    return tuple(
        f"{same} as the plan says" if note.startswith(REFERENCE) and same not in note else note
        for note in notes
    )
