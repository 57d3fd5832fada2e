"""What a planned bracket's frames are worth: clipped, buried, moved."""

from dataclasses import dataclass

from deghost.merge.decisions import lost_shares
from deghost.merge.guides import make_guides
from deghost.merge.plan import MergePlan, prepare
from deghost.types import Bracket


@dataclass(frozen=True)
class FrameReport:
    """Shares of a frame's pixels, and its noise."""

    clipped: float
    buried: float  # in noise
    moved: float  # against the reference
    signal_to_noise: float  # of a pixel at 1 % of clipping
    notes: tuple[str, ...]  # what reading decided


def inspect_frames(bracket: Bracket, plan: MergePlan) -> list[FrameReport]:
    """Measure every frame of a planned bracket on its proxy."""
    small = prepare(bracket, plan.response, plan.matches)
    still = make_guides(plan, small).still
    reports = []
    for k, frame in enumerate(bracket.frames):
        clipped, buried = lost_shares(small.proxies[k], small.noise[k])
        noise = small.noise[k]
        reports.append(
            FrameReport(
                clipped,
                buried,
                float((still[k] < 0.5).float().mean()),
                0.01 / (noise.shot * 0.01 + noise.read) ** 0.5,
                frame.notes,
            )
        )
    return reports
