"""`deghost scenes`: what a folder of a public data set holds."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.options import Json, check_layout


SHOWN = 20  # scenes, unless all are asked for

LayoutName = Annotated[
    str | None, Parameter(name="--layout", help="Take this layout instead of detecting one.")
]
Every = Annotated[
    bool, Parameter(name="--all", negative="", help=f"Read every scene, not {SHOWN} of them.")
]


def scenes(
    path: Path, /, *, layout: LayoutName = None, every: Every = False, json: Json = False
) -> None:
    """Tell a data set's layout; show its scenes, sizes, exposures, ranges and what is missing.

    Args:
        path: Folder of a public bracket data set, or of one of its scenes.
    """
    from deghost.cli.scene_report import print_scenes
    from deghost.data.layouts import detect, open_scenes

    check_layout(layout)
    others = () if layout else detect(path).others
    found = open_scenes(path, layout)
    print_scenes(found, others, len(found) if every else SHOWN, as_json=json)
