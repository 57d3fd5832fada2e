"""The layouts of public bracket data sets: which there are, and which one a folder has."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deghost.data.layout_bracketire import BRACKETIRE, BRACKETIRE_PLUS
from deghost.data.layout_bracketire_real import BRACKETIRE_REAL
from deghost.data.layout_iccp import FSHDR, ICCP19
from deghost.data.layout_kalantari import (
    CHALLENGE123,
    CHALLENGE123_ALL,
    HU20,
    KALANTARI17,
    KALANTARI17_CROPS,
    KALANTARI17_OXFORD,
    TEL23,
)
from deghost.data.layout_meds import MEDS
from deghost.data.layout_mobile import MOBILE_HDR
from deghost.data.layout_ntire import NTIRE
from deghost.data.layout_static_tests import SEN12, TURSUN16
from deghost.data.scene_set import Entry, Layout, SceneSet, Tree, look_into
from deghost.data.shards import SHARDS
from deghost.errors import ReadError


# The more particular one first: of two that fit a folder equally well, the first is taken.
LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        SHARDS,
        HU20,
        KALANTARI17_OXFORD,
        KALANTARI17_CROPS,
        TEL23,
        CHALLENGE123,
        CHALLENGE123_ALL,
        KALANTARI17,
        ICCP19,
        FSHDR,
        NTIRE,
        MOBILE_HDR,
        BRACKETIRE,
        BRACKETIRE_PLUS,
        BRACKETIRE_REAL,
        SEN12,
        TURSUN16,
        MEDS,
    )
}


@dataclass(frozen=True)
class Detection:
    """The layout that fits a folder best, and others that fit some of it."""

    layout: Layout
    others: tuple[str, ...]  # names of layouts that have complete scenes in it, too


def open_scenes(root: Path | str, layout: str | None = None) -> SceneSet:
    """Open a folder of scenes in a layout, by name or detected; no picture is read yet.

    Raises ReadError if there is not one complete scene, KeyError for an unknown name.
    """
    root = Path(root)
    tree = look_into(root)
    chosen = layout_named(layout) if layout else _detect(tree).layout
    entries = list(chosen.find(tree))
    complete = tuple(entry for entry in entries if not entry.missing)
    incomplete = tuple(entry for entry in entries if entry.missing)
    if not entries:
        raise ReadError(
            f"{root.name} has no scene of the layout {chosen.name}, which has {chosen.wanted}"
        )
    if not complete:
        first = incomplete[0]
        raise ReadError(
            f"{first.name}: {first.missing[0]} is missing, and no other scene in {root.name} is "
            f"complete; a scene of {chosen.name} has {chosen.wanted}"
        )
    return SceneSet(chosen, root, complete, incomplete)


def detect(root: Path) -> Detection:
    """Tell which layout a folder has, and which others it could have. Raises ReadError."""
    return _detect(look_into(root))


def layout_named(name: str) -> Layout:
    """Give the layout of a name. Raises KeyError that lists the names there are."""
    if name not in LAYOUTS:
        raise KeyError(f"no layout named {name!r}; there are: {', '.join(sorted(LAYOUTS))}")
    return LAYOUTS[name]


def _detect(tree: Tree) -> Detection:
    """Rank layouts by their scenes: complete ones with truth or masks, complete ones, others."""
    ranks = {
        name: _rank(list(layout.find(tree)))
        for name, layout in LAYOUTS.items()
        if layout.is_detected
    }
    fitting = [name for name, rank in ranks.items() if any(rank)]
    if not fitting:
        raise ReadError(
            f"{tree.root.name} holds no scenes of a known layout ({len(tree.folders)} folders were "
            "looked into); see docs/layouts.md for the file names of each"
        )
    best = max(fitting, key=lambda name: ranks[name])  # the first of equals
    return Detection(
        LAYOUTS[best], tuple(name for name in fitting if name != best and ranks[name][1])
    )


def _rank(entries: Sequence[Entry]) -> tuple[int, int, int]:
    complete = [entry for entry in entries if not entry.missing]
    known = sum(bool(entry.files.get("truth")) for entry in complete)
    return known, len(complete), len(entries)
