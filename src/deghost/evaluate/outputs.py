"""The files of a run: tables as Markdown, CSV and JSON, and the page."""

from pathlib import Path

from deghost.errors import WriteError
from deghost.evaluate.records import RunFolder
from deghost.evaluate.report import html_report, is_report
from deghost.evaluate.results import Results
from deghost.evaluate.tables import csv_text, json_text, markdown
from deghost.io.atomic import atomic_write, check_target


PAGE_ENDING = ".html"
TABLES = {"results.md": markdown, "results.csv": csv_text, "results.json": json_text}


def check_report(report: Path | None, folder: RunFolder, *, force: bool) -> None:
    """Raise WriteError where the page cannot be written, before any work is done for it."""
    if report is not None and report.suffix.lower() != PAGE_ENDING:
        raise WriteError(f"{report.name} is no name of a page; let it end in {PAGE_ENDING}")
    if report is not None and not _is_own(report, folder):
        check_target(report, force=force)


def write_results(
    results: Results, folder: RunFolder, report: Path | None, *, force: bool
) -> list[Path]:
    """Write all tables into the run's folder, and the page if one is asked for. Raises WriteError.

    What an earlier run left in the folder is replaced.
    """
    written = []
    for name, make in TABLES.items():
        path = folder.path / name
        atomic_write(path, make(results).encode(), force=True)
        written.append(path)
    if report is not None:
        page = html_report(results, folder).encode()
        atomic_write(report, page, force=force or _is_own(report, folder))
        written.append(report)
    return written


def _is_own(report: Path, folder: RunFolder) -> bool:
    """Tell whether the page lies in the run's folder and replaces nothing but an earlier one."""
    if report.resolve().parent != folder.path.resolve():
        return False
    return not report.exists() or (report.is_file() and is_report(report))
