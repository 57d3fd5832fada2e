"""`deghost benchmark`: methods are run on scenes of known truth and measured."""

from pathlib import Path
from typing import Annotated, Literal

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
from deghost.merge.settings import NETWORKS


Methods = Annotated[
    tuple[str, ...],
    Parameter(
        consume_multiple=True,
        negative="",
        show_default=False,
        help="Methods to compare, such as deghostnet weighted static vam=FILE: merges by rules, "
        "and by networks with weights of their own or of a file. [default: all that need no file]",
    ),
]
Networks = Annotated[
    tuple[str, ...],
    Parameter(
        name="--weights",
        consume_multiple=True,
        negative="",
        show_default=False,
        help="Weights of networks to compare, run on tiles as published: files or names.",
    ),
]
Panoramas = Annotated[
    Path | None, Parameter(help="Folder of the panoramas that deghost-bench is made from.")
]
Only = Annotated[
    tuple[str, ...],
    Parameter(
        consume_multiple=True,
        negative="",
        show_default=False,
        help="Scenes or groups to take, such as night static-1. [default: all]",
    ),
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
    weights: Networks = (),
    protocol: ProtocolName = "deghost-bench",
    out: RunOut = RUN_FOLDER,
    panoramas: Panoramas = None,
    metrics: Metrics = (),
    lpips_alex: Alex = None,
    lpips_vgg: Vgg = None,
    lpips_like: Like = None,
    layout: LayoutName = None,
    part: SetPart = None,
    only: Only = (),
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
    from deghost.evaluate.benchmark import check_light, find_cases, remarks, run_benchmark, select
    from deghost.evaluate.choices import LpipsFiles, choose
    from deghost.evaluate.merged_networks import merged_networks
    from deghost.evaluate.methods import DESCRIPTIONS, METHODS, chosen_methods
    from deghost.evaluate.network_methods import network_methods
    from deghost.evaluate.outputs import check_report, write_results
    from deghost.evaluate.records import RunFolder
    from deghost.evaluate.results import Results, gathered, title, with_published

    check_layout(layout)
    choice = choose(protocol, metrics, LpipsFiles(lpips_alex, lpips_vgg, lpips_like))
    networks = network_methods(weights, choice.protocol.cut)
    plain = tuple(w for w in methods if w in METHODS or w.partition("=")[0] not in NETWORKS)
    networks |= merged_networks(word for word in methods if word not in plain)
    chosen = chosen_methods(plain) if plain or not networks else {}
    chosen |= {name: method for name, (method, _) in networks.items()}
    told = {name: about for name, (_, about) in networks.items()}
    check_light(choice.protocol)
    cases = select(find_cases(scenes, panoramas, layout, part), only)
    folder = RunFolder(out)
    check_report(report, folder, force=force)
    folder.open()
    with progress_bar("reading", visible=not (quiet or json), then="measuring") as progress:
        records, failures = gathered(run_benchmark(cases, chosen, choice, folder, progress))
    results = Results(
        title(scenes.resolve().name, protocol),
        choice.protocol,
        {name: DESCRIPTIONS.get(name) or told.get(name, "") for name in chosen},
        records,
        failures,
        remarks(records, chosen, choice.protocol),
    )
    if compare_published:
        results = with_published(results)
    written = write_results(results, folder, report, force=force)
    print_results(results, written, quiet=quiet, as_json=json)
