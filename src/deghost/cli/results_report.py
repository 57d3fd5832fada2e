"""What `deghost evaluate` and `deghost benchmark` say when they have measured."""

import sys
from collections.abc import Sequence
from pathlib import Path

from deghost.cli.terminal import print_json, say
from deghost.evaluate.records import Failure
from deghost.evaluate.results import Results
from deghost.evaluate.tables import json_data, mean_tables, published_tables


UNFINISHED = 1  # the exit code where some pictures could not be measured
TOLD = 10  # failures
SHOWN = 3  # parts of the means: the table over all scenes, a heading, one column by group


def print_results(results: Results, written: Sequence[Path], *, quiet: bool, as_json: bool) -> None:
    """Print means, published rows and what was written; failures go to standard error.

    Raises SystemExit where a picture could not be measured.
    """
    if as_json:
        print_json({**json_data(results), "written": [str(path) for path in written]})
    elif not quiet:
        _print_tables(results, written)
    if results.failures:
        sys.stdout.flush()
        _print_failures(results.failures)
        raise SystemExit(UNFINISHED)


def _print_tables(results: Results, written: Sequence[Path]) -> None:
    tables = mean_tables(results) if results.records else []
    for text in (*tables[:SHOWN], *published_tables(results.comparisons)):
        say(text.removeprefix("### ") + "\n")
    for note in results.notes:
        say(f"- {note}")
    for path in written:
        say(f"wrote {path}")


def _print_failures(failures: Sequence[Failure]) -> None:
    for failure in failures[:TOLD]:
        print(f"deghost: {failure.name} ({failure.method}): {failure.reason}", file=sys.stderr)
    if len(failures) > TOLD:
        more = len(failures) - TOLD
        print(f"deghost: {more} more could not be measured; see results.md", file=sys.stderr)
