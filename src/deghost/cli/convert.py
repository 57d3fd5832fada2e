"""`deghost convert`: an HDR picture becomes another kind of HDR file, or a tone-mapped picture."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deghost.cli.options import Force, Output, Quiet
from deghost.cli.terminal import progress_bar, say


Tone = Literal["photographic", "filmic", "reinhard", "durand", "krawczyk", "mu-law"]


def convert(
    picture: Annotated[Path, Parameter(help="An .exr, .hdr, float .tif or Ultra HDR .jpg file.")],
    /,
    *,
    output: Output,
    tone: Annotated[
        Tone | None,
        Parameter(help="Tone-map to a JPEG or PNG; without it, .jpg is written as Ultra HDR."),
    ] = None,
    exr_type: Annotated[Literal["half", "float"], Parameter(help="Numbers in an EXR file.")] = (
        "half"
    ),
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Convert an HDR picture to another HDR format, or tone-map it.

    The operators follow their papers: Reinhard et al. 2002, Durand and Dorsey 2002, Krawczyk et
    al. 2005, Hable's filmic curve; mu-law is the metrics' domain; photographic is ours.
    """
    from deghost.merge.conversion import convert_picture

    with progress_bar("converting", visible=not quiet):
        notes = convert_picture(picture, output, tone, exr_type, force=force)
    if not quiet:
        for note in notes:
            say(f"- {note}")
        say(f"wrote {output}")
