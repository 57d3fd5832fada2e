"""What a reader must know of a run's numbers that the protocol's own notes cannot tell."""

from collections.abc import Sequence
from functools import partial

from deghost.evaluate.hdrvdp2_display import PRESETS
from deghost.evaluate.protocol import Metric, Protocol
from deghost.evaluate.records import Record


SMALL = 256  # pixels a side, below which a screen that a picture fills shows it as coarse blocks


def cautions(
    records: Sequence[Record], protocol: Protocol, *, are_files: bool = False
) -> tuple[str, ...]:
    """Note what was rescaled, and what is too small for a metric; `are_files` are the results."""
    return (*_rescaled(records, protocol, are_files=are_files), *_too_small(records, protocol))


def _rescaled(records: Sequence[Record], protocol: Protocol, *, are_files: bool) -> list[str]:
    """Note which scenes have another scale than the protocol's, and what was done about it."""
    factors = {record.name: record.scaling for record in records}
    others = [factor for factor in factors.values() if factor != 1]
    if not others:
        return []
    span = " to ".join(dict.fromkeys(f"{factor:.4g}" for factor in (min(others), max(others))))
    done = (
        f"truths were multiplied by {span}; files of results must be in that scale, too"
        if are_files
        else f"results and truths were multiplied by {span}"
    )
    return [
        f"{len(others)} of {len(factors)} scenes have another scale than {protocol.name}, as "
        f"their exposures tell: {done}"
    ]


def _too_small(records: Sequence[Record], protocol: Protocol) -> list[str]:
    """Note which pictures HDR-VDP-2 shows too large for what it could find."""
    stretched = [name for name, metric in protocol.metrics.items() if _fills_screen(metric)]
    sizes = {record.name: record.size for record in records}
    small = [size for size in sizes.values() if size is not None and min(size) < SMALL]
    if not (stretched and small):
        return []
    width, height = min(small)
    return [
        f"{len(small)} of {len(sizes)} pictures are smaller than {SMALL} pixels (one is "
        f"{width}x{height}), and {', '.join(stretched)} shows each on a whole screen: so coarse, "
        "Q is near 100 whatever they show"
    ]


def _fills_screen(metric: Metric) -> bool:
    """Tell whether a metric shows any picture on the whole of a screen."""
    viewing = metric.keywords.get("viewing") if isinstance(metric, partial) else None
    return viewing in PRESETS and PRESETS[viewing].resolution is None
