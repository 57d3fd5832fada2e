import json
import re
from dataclasses import replace

import pytest

from deghost.evaluate import report
from deghost.evaluate.plots import Axis, strip_plot
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Failure, RunFolder
from deghost.evaluate.report import chosen_scenes, html_report
from deghost.evaluate.results import with_published


@pytest.fixture
def folder(tmp_path, results):
    """A run's folder with pictures of its scenes."""
    run = RunFolder(tmp_path / "run")
    run.open()
    for record in results.records:
        for kind in ("truth", record.method, f"{record.method} error"):
            run.save_picture(record.name, kind, f"{record.name} {kind}".encode())
    return run


def test_the_page_needs_no_network(results, folder):
    """Style, program and pictures are in it; nothing is fetched."""
    page = html_report(results, folder)

    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", page)
    assert "<link" not in page
    assert page.count("data:image/webp;base64,") == 2 * 7


def test_the_page_holds_tables_plots_and_pictures(results, folder):
    """And what failed, and the papers' numbers, if there are any."""
    failed = Failure("c", "static", "it broke")
    full = with_published(replace(results, failures=(failed,), protocol=PROTOCOLS["kalantari"]))

    plain, page = html_report(results, folder), html_report(full, folder)

    sections = ["means", "plots", "pictures"]
    assert re.findall(r'<section id="(\w+)"', plain) == sections
    assert re.findall(r'<section id="(\w+)"', page) == [*sections, "published", "failures"]
    assert page.count("<svg") == 3
    assert "it broke" in page


def test_every_picture_can_be_chosen(results, folder):
    """The lists offer what the page holds, our default method first against the truth."""
    page = html_report(results, folder)
    scene = page[page.index('<article class="scene">') :]
    held = json.loads(re.search(r'<script type="application/json">(.*?)</script>', scene)[1])
    chosen = re.findall(r"<option selected>([^<]*)", scene)[:2]

    assert list(held) == [
        *("truth", "static", "weighted", "oracle"),
        *("static error", "weighted error", "oracle error"),
    ]
    assert chosen == ["weighted", "truth"]


def test_names_cannot_break_the_page(results, tmp_path):
    """A scene may be called as it likes."""
    evil = '</script><img src=x onerror="alert(1)">'
    renamed = replace(results, records=tuple(replace(r, name=evil) for r in results.records[:1]))

    page = html_report(renamed, RunFolder(tmp_path))

    assert "<img src=x" not in page


def test_a_large_run_shows_scenes_of_every_group(results, folder, monkeypatch):
    """Where not all pictures fit, groups take turns, and the page tells of it."""
    sizes = [p.stat().st_size for p in folder.path.rglob("*.webp") if p.parent.name == "a"]
    more = replace(results.records[0], name="a2")
    full = replace(results, records=(*results.records[:3], more, *results.records[3:]))
    for kind in ("truth", more.method):
        folder.save_picture("a2", kind, bytes(1000))
    monkeypatch.setattr(report, "MOST_BYTES", 3 * sum(sizes))

    assert chosen_scenes(full, folder) == ["a", "b"]
    assert "pictures of 1 more scenes are in the folder" in html_report(full, folder)


def test_a_run_without_records_is_a_page(results, tmp_path):
    """Nothing to show but what failed."""
    empty = replace(results, records=(), failures=(Failure("c", "static", "it broke"),))

    page = html_report(empty, RunFolder(tmp_path))

    assert re.findall(r'<section id="(\w+)"', page) == ["failures"]
    assert "from nan" not in page


def test_a_plot_has_a_dot_a_score(results):
    """Every scene of every method, and a bar a method."""
    plot = strip_plot(results, "psnr-mu")

    assert plot.count("<circle") == len(results.records)
    assert plot.count('class="mean"') == 3
    assert strip_plot(results, "nothing") == ""


@pytest.mark.parametrize("values", [[3.0], [0.0, 0.0], [0.99991, 0.99995], [-5.0, 1e4]])
def test_an_axis_holds_its_values(values):
    """Between round ends, whatever the values."""
    axis = Axis.around(values)

    assert axis.low <= min(values) <= max(values) <= axis.high
    assert 2 <= len(axis.ticks) <= 9
