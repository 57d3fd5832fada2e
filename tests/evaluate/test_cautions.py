from dataclasses import replace

import pytest

from deghost.evaluate.cautions import cautions
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Record


KALANTARI, TEL = PROTOCOLS["kalantari"], PROTOCOLS["tel"]


def record(name, scaling=1.0, size=(1500, 1000), method="m"):
    return Record(name, method, "", {"psnr-l": 30.0}, (0.0, 1.0), "k", None, scaling, size)


def test_large_pictures_in_the_protocol_s_scale_need_no_caution():
    """Nor do those of which nothing is known."""
    assert cautions([record("a"), record("b", size=None)], KALANTARI) == ()


@pytest.mark.parametrize(
    ("are_files", "done"),
    [
        (False, "results and truths were multiplied by 0.125 to 0.25"),
        (True, "truths were multiplied by 0.125 to 0.25; files of results must be in that scale"),
    ],
)
def test_what_was_brought_to_another_scale_is_told(are_files, done):
    """Scenes count once, however many methods there are."""
    records = [record("a", 0.25, method=method) for method in "xy"]

    (note,) = cautions([*records, record("b", 0.125), record("c")], KALANTARI, are_files=are_files)

    assert note.startswith("2 of 3 scenes have another scale than kalantari")
    assert done in note


def test_small_pictures_on_a_whole_screen_are_told():
    """Only where HDR-VDP-2 is measured, on a screen that any picture fills."""
    records = [record("a", size=(96, 64)), record("b", size=(256, 256)), record("c")]
    without = replace(KALANTARI, metrics={"psnr-l": KALANTARI.metrics["psnr-l"]})

    (note,) = cautions(records, KALANTARI)

    assert note.startswith("1 of 3 pictures are smaller than 256 pixels (one is 96x64), and hdr")
    assert cautions(records, TEL) == cautions(records, without) == ()
