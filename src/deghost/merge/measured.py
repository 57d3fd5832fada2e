"""One tile of the measured merge: what did not move and did not clip, averaged."""

from dataclasses import dataclass

from deghost.merge.exposure_guides import well_exposed
from deghost.merge.guides import Guides
from deghost.merge.reading import Source, read_flowed, read_layer
from deghost.merge.tiles import Window, read_unless
from deghost.merge.weighted import (
    Fusion,
    Layer,
    disagreement,
    extend,
    filled,
    grey,
    known,
    start_fusion,
)
from deghost.segment.motion import MotionSettings
from deghost.types import Mask, Radiance


@dataclass(frozen=True)
class Part:
    """What of a layer is merged."""

    still: Mask | None = None  # where it did not move; None: everywhere
    share: Mask | None = None  # what its weights are multiplied by; None: by 1
    certain: bool = False  # whether all that is still is merged, without judging its pixels


@dataclass(frozen=True)
class Measured:
    """What the frames say about a window."""

    reference: Layer
    still: Fusion  # the merge of what did not move
    everything: Fusion | None  # the merge as if nothing moved, if asked for


def merge_tile(source: Source, guides: Guides, window: Window) -> Radiance:
    """Merge one tile: the average of what did not move, and a fill where nothing was measured."""
    return with_fill(measure(source, guides, window).still, guides, window)


def with_fill(merge: Fusion, guides: Guides, window: Window) -> Radiance:
    """Give the radiance of a merged window, with a fill where nothing was measured."""
    fill = read_unless(guides.fill, 0.0, window, guides.factor)
    return merge.radiance if fill is None else filled(merge, fill)


def measure(
    source: Source, guides: Guides, window: Window, *, everything: bool = False
) -> Measured:
    """Merge what the frames show in a window; frames that moved all over it are not even read.

    Whether a pixel moved is judged on the mean of the channels, which is merged alongside. With
    `everything`, all frames are read, and also merged as they are.
    """
    first, *others = source.plan.order
    reference, share = _read(source, guides, first, window)
    whole = start_fusion(reference, share)
    state = (whole, start_fusion(grey(reference), share))
    for k in others:
        still = read_unless(guides.still[k][None], 1.0, window, guides.factor)
        gone = still is not None and float(still.amax()) == 0
        if gone and not everything:
            continue
        layer, share = _read(source, guides, k, window)
        if everything:
            whole = extend(whole, layer, share=share)
        if not gone:
            part = Part(None if still is None else still[0], share, guides.certain)
            state = merge_in(state, layer, part, source.plan.motion)
    for k in others:
        if (guide := guides.flows[k]) is None:
            continue
        usable = read_unless(guide.usable[None], 0.0, window, guides.factor)
        if usable is not None:
            layer = read_flowed(source, k, window, guide, guides.factor)
            state = merge_in(state, layer, Part(usable[0]), source.plan.motion)
    return Measured(reference, state[0], whole if everything else None)


def _read(source: Source, guides: Guides, k: int, window: Window) -> tuple[Layer, Mask | None]:
    """Read a layer and what its weights are multiplied by."""
    layer = read_layer(source, k, window)
    return well_exposed(layer, guides.exposed[k], window, guides.factor)


def merge_in(
    state: tuple[Fusion, Fusion], layer: Layer, part: Part, motion: MotionSettings
) -> tuple[Fusion, Fusion]:
    """Add a layer to the merge and to its grey companion where it agrees with what is known."""
    fusion, grey_fusion = state
    still, share = part.still, part.share
    if motion.strength <= 0:
        return extend(fusion, layer, still, share), grey_fusion
    grey_layer = grey(layer)
    if part.certain:
        grey_fusion = extend(grey_fusion, grey_layer, still, share)
        return extend(fusion, layer, still, share), grey_fusion
    score = disagreement(known(grey_fusion), grey_layer)
    agreement = (score - motion.certain).clamp_(min=0).square_().mul_(-0.5).exp_()
    still = agreement if still is None else agreement.mul_(still)
    grey_fusion = extend(grey_fusion, grey_layer, still, share)
    return extend(fusion, layer, still, share), grey_fusion
