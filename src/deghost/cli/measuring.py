"""The options that `deghost evaluate` and `deghost benchmark` share."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


ProtocolName = Annotated[
    str,
    Parameter(name=["--protocol", "-p"], help="How pictures are compared: kalantari, ntire21 ..."),
]
RUN_FOLDER = Path("deghost-results")

RunOut = Annotated[
    Path,
    Parameter(
        name=["--out", "-o"],
        help="Folder for tables and error maps. What it has measured already is not repeated.",
    ),
]
Metrics = Annotated[
    tuple[str, ...],
    Parameter(
        consume_multiple=True,
        negative="",
        show_default=False,
        help="Metrics to take, such as psnr-mu ssim-mu. [default: all of the protocol]",
    ),
]
Alex = Annotated[
    tuple[Path, Path] | None,
    Parameter(
        name="--lpips-alex",
        negative="",
        help="Weights of AlexNet, and of its heads: adds a column of LPIPS.",
    ),
]
Vgg = Annotated[
    tuple[Path, Path] | None,
    Parameter(
        name="--lpips-vgg",
        negative="",
        help="Weights of VGG-16, and of its heads: adds a column of LPIPS.",
    ),
]
Like = Annotated[
    tuple[Path, Path] | None,
    Parameter(
        name="--lpips-like",
        negative="",
        help="Weights of Caffe's SqueezeNet, and heads: a distance like LPIPS, which it is not.",
    ),
]
Report = Annotated[Path | None, Parameter(help="File for a page with pictures and plots (HTML).")]
Published = Annotated[
    bool,
    Parameter(negative="", help="Put the papers' numbers beside, with what differs in protocol."),
]
LayoutName = Annotated[
    str | None,
    Parameter(name="--layout", help="Layout of the data set. [default: found out]"),
]
