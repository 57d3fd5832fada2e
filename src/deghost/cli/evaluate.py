"""`deghost evaluate`: pictures are measured against their truths."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.measuring import (
    RUN_FOLDER,
    Alex,
    LayoutName,
    Like,
    Metrics,
    ProtocolName,
    Published,
    Report,
    RunOut,
    Vgg,
)
from deghost.cli.options import Force, Json, Quiet, check_layout
from deghost.cli.terminal import progress_bar


Mosaics = Annotated[
    Path | None,
    Parameter(help="BracketIRE's isp/model.bin: develops .npy mosaics as its authors do."),
]


def evaluate(
    predictions: Path,
    truth: Path,
    /,
    *,
    protocol: ProtocolName,
    out: RunOut = RUN_FOLDER,
    metrics: Metrics = (),
    lpips_alex: Alex = None,
    lpips_vgg: Vgg = None,
    lpips_like: Like = None,
    demosaic: Mosaics = None,
    layout: LayoutName = None,
    compare_published: Published = False,
    report: Report = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Measure pictures against their truths as a named protocol does.

    The exit code is 1 if some pictures could not be measured.

    Args:
        predictions: A picture (.exr, .hdr, .tif; .png where codes are compared; .npy for
            mosaics), or a folder.
        truth: The picture it should be, or a folder of pictures or of a data set's scenes (of
            which the test part is taken, if there is one).
    """
    from deghost.cli.results_report import print_results
    from deghost.evaluate.cautions import cautions
    from deghost.evaluate.choices import LpipsFiles, choose
    from deghost.evaluate.evaluation import evaluate_pairs
    from deghost.evaluate.outputs import check_report, write_results
    from deghost.evaluate.pairing import find_pairs
    from deghost.evaluate.records import RunFolder
    from deghost.evaluate.results import Results, gathered, with_published

    check_layout(layout)
    choice = choose(protocol, metrics, LpipsFiles(lpips_alex, lpips_vgg, lpips_like), demosaic)
    found = find_pairs(predictions, truth, choice.reading, layout)
    folder = RunFolder(out)
    check_report(report, folder, force=force)
    folder.open()
    method = predictions.stem if predictions.is_file() else predictions.resolve().name
    with progress_bar("reading", visible=not (quiet or json), then="measuring") as progress:
        outcomes = evaluate_pairs(found.pairs, method, choice, folder, progress)
        records, failures = gathered(outcomes)
    results = Results(
        f"{method} against {truth.resolve().name}, {protocol}",
        choice.protocol,
        {method: ""},
        records,
        (*failures, *found.failures),
        (*found.notes, *cautions(records, choice.protocol, are_files=True)),
    )
    if compare_published:
        results = with_published(results)
    written = write_results(results, folder, report, force=force)
    print_results(results, written, quiet=quiet, as_json=json)
