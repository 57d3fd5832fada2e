"""`deghost export`: a trained network becomes a file that runs without PyTorch."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.options import Force, Quiet
from deghost.cli.terminal import progress_bar, say


Model = Annotated[str, Parameter(help="Weights that come with deghost, by name, or a file.")]
Onnx = Annotated[Path, Parameter(name="--onnx", help="ONNX file to write.")]
Count = Annotated[
    int | None,
    Parameter(
        name="--frames", help="Frames of a bracket, for networks of any number. [default: 3]"
    ),
]
Reference = Annotated[
    int | None,
    Parameter(help="Frame that moving things are taken from; 0 is the darkest. [default: usual]"),
]


def export(  # noqa: PLR0913
    model: Model,
    /,
    *,
    onnx: Onnx,
    frames: Count = None,
    reference: Reference = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a trained network as an ONNX file for pictures of any size.

    The file is checked: ONNX Runtime must agree with PyTorch to 1e-4 at other sizes. Needs
    pip install 'deghost[onnx]'.
    """
    from deghost.models.export import export_weights

    with progress_bar("translating and checking", visible=not quiet):
        made = export_weights(model, onnx, frames=frames, reference=reference, force=force)
    if quiet:
        return
    for name, shape in made.inputs.items():
        say(f"- takes {name}: {' x '.join(map(str, shape))}")
    kept = "" if made.reference is None else f", as of frame {made.reference}"
    say(f"- gives {made.output}{kept}; differs from PyTorch by {made.difference:.1e} at most")
    say(f"wrote {onnx}, {made.size / 1e6:.1f} MB")
