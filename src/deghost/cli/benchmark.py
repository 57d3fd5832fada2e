"""`deghost benchmark`: methods are run on scenes of known truth and measured."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deghost.cli.measuring import (
    Alex,
    LayoutName,
    Metrics,
    ProtocolName,
    Published,
    Report,
    RunOut,
    Vgg,
)
from deghost.cli.options import Force, Json, Quiet
from deghost.cli.terminal import progress_bar


Methods = Annotated[
    tuple[str, ...],
    Parameter(
        consume_multiple=True,
        negative="",
        help="Methods to compare, such as weighted static debevec. [default: all]",
    ),
]
Panoramas = Annotated[
    Path | None, Parameter(help="Folder of the panoramas that deghost-bench is made from.")
]
SetPart = Annotated[
    Literal["train", "validation", "test", "all"] | None,
    Parameter(help="Scenes of a data set to take. [default: test, or all where none is told]"),
]


def benchmark(
    scenes: Path,
    /,
    *,
    methods: Methods = (),
    protocol: ProtocolName = "deghost-bench",
    out: RunOut,
    panoramas: Panoramas = None,
    metrics: Metrics = (),
    lpips_alex: Alex = None,
    lpips_vgg: Vgg = None,
    layout: LayoutName = None,
    part: SetPart = None,
    compare_published: Published = False,
    report: Report = None,
    force: Force = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Run methods on scenes of known truth and measure what they make.

    The exit code is 1 if some scenes could not be measured.

    Args:
        scenes: Folder of a data set, or deghost-bench (with --panoramas).
    """
    from deghost.cli.results_report import print_results
    from deghost.evaluate.benchmark import find_cases, run_benchmark, spared
    from deghost.evaluate.choices import LpipsFiles, choose
    from deghost.evaluate.methods import DESCRIPTIONS, chosen_methods
    from deghost.evaluate.outputs import check_report, write_results
    from deghost.evaluate.records import RunFolder
    from deghost.evaluate.results import Results, gathered, with_published

    chosen = chosen_methods(methods)
    choice = choose(protocol, metrics, LpipsFiles(lpips_alex, lpips_vgg))
    cases = find_cases(scenes, panoramas, layout, part)
    folder = RunFolder(out)
    check_report(report, folder, force=force)
    folder.open()
    with progress_bar("reading", visible=not (quiet or json), then="measuring") as progress:
        records, failures = gathered(run_benchmark(cases, chosen, choice, folder, progress))
    results = Results(
        f"{scenes.resolve().name}, {protocol}",
        choice.protocol,
        {name: DESCRIPTIONS.get(name, "") for name in chosen},
        records,
        failures,
        spared(records, chosen),
    )
    if compare_published:
        results = with_published(results, results.measured)
    written = write_results(results, folder, report, force=force)
    print_results(results, written, quiet=quiet, as_json=json)
