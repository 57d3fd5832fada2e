from collections import Counter

import pytest

from deghost.evaluate.contradictions import mask_contradictions
from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.published import all_rows, compare_published, published_rows


SEGMENTATION = "Segmentation Guided Deep HDR Deghosting"
ATTENTION = "High Dynamic Range Imaging via Visual Attention Modules"
EXPOSURE = "Supervised Image Segmentation for High Dynamic Range Imaging"
TRANSFER = "Boosting HDR Image Reconstruction via Semantic Knowledge Transfer"

ROWS = {
    (SEGMENTATION, "I (a)"): 10,
    (SEGMENTATION, "I (b)"): 10,
    (SEGMENTATION, "II"): 12,
    (SEGMENTATION, "III"): 4,
    (SEGMENTATION, "IV"): 6,
    (ATTENTION, "1"): 11,
    (ATTENTION, "2"): 4,
    (ATTENTION, "3"): 2,
    (EXPOSURE, "1"): 3,
    (EXPOSURE, "2"): 3,
    (TRANSFER, "1, Tel"): 13,
    (TRANSFER, "1, Tel, gains"): 3,
    (TRANSFER, "1, Kalantari"): 13,
    (TRANSFER, "1, Kalantari, gains"): 3,
    (TRANSFER, "2, BracketIRE"): 11,
    (TRANSFER, "2, BracketIRE, gains"): 3,
    (TRANSFER, "2, BracketIRE+"): 11,
    (TRANSFER, "2, BracketIRE+, gains"): 3,
    (TRANSFER, "3, ORM"): 7,
    (TRANSFER, "3, SPGRM"): 7,
}


def row(paper, table, name):
    (found,) = (r for r in all_rows() if (r.paper, r.table, r.row) == (paper, table, name))
    return found


def test_every_row_of_every_table_is_there():
    """The four papers print twelve tables; those with two sets or halves are kept as two."""
    counts = Counter((r.paper, r.table) for r in all_rows() if r.kind != "claims")

    assert counts == ROWS


@pytest.mark.parametrize(
    ("paper", "table", "name", "values"),
    [
        (SEGMENTATION, "I (a)", "M3 Endo17", {"psnr-l": 8.846, "hdr-vdp-2": 54.0}),
        (SEGMENTATION, "I (a)", "M10 Proposed", {"psnr-l": 41.47, "psnr-reinhard": 38.48}),
        (SEGMENTATION, "I (b)", "M9 Yan19", {"psnr-durand": 33.31, "ssim-durand": 0.957}),
        (SEGMENTATION, "III", "Without memory, unshared", {"psnr-l": 40.68, "hdr-vdp-2": 66.90}),
        (SEGMENTATION, "IV", "ℓ2 + MS-SSIM", {"psnr-mu": 39.83}),
        (ATTENTION, "2", "ours", {"psnr": 43.25, "psnr-mu": 35.86, "gmacs": 234.107}),
        (EXPOSURE, "2", "Focal", {"dice": 0.989, "avg": 0.814}),
        (TRANSFER, "1, Kalantari", "LF-Diff", {"psnr-mu": 44.76, "hdr-vdp-2": 66.54}),
        (TRANSFER, "1, Tel", "HyHDR", {"psnr-mu": None}),
        (TRANSFER, "2, BracketIRE", "TMRNet+", {"psnr": 39.71, "lpips": 0.110}),
        (TRANSFER, "3, SPGRM", "w/o L_color", {"psnr-mu": 43.19}),
    ],
)
def test_values_are_those_printed(paper, table, name, values):
    """Rows from the first, the middle and the last of each table, read again by eye."""
    printed = row(paper, table, name).values

    assert {column: printed[column] for column in values} == values


def test_what_is_printed_twice_is_equal():
    """The full model has one score, in whichever table it stands."""
    full = [
        row(SEGMENTATION, *place).values["psnr-l"]
        for place in (
            ("I (a)", "M10 Proposed"),
            ("II", "A12 Decoder: SDC with dense connection"),
            ("III", "With memory, unshared"),
            ("IV", "ℓ2"),
        )
    ]
    attention = [
        row(ATTENTION, *place).values["psnr-mu"]
        for place in (("2", "ours"), ("3", "Ours (Sigmoid Space)"))
    ]
    student = [row(TRANSFER, table, "AHDR+").values["psnr-mu"] for table in ("1, Tel", "3, ORM")]

    assert full == [41.47] * 4
    assert attention == [35.86] * 2
    assert student == [43.18] * 2


def test_printed_gains_are_differences_but_for_two():
    """Of 48 gains, one of PSNR and one of SSIM are a digit off, and say so; one is only rounded."""
    gains = [r for r in all_rows() if r.kind == "gains"]
    wrong = {(r.table, note) for r in gains for note in r.notes}
    rounded = row(TRANSFER, "1, Tel, gains", "TMRNet+ - TMRNet")

    assert sum(len(r.values) for r in gains) == 48
    assert wrong == {
        (
            "2, BracketIRE, gains",
            "the gain of psnr is printed as 1.42; the printed numbers give 1.52",
        ),
        (
            "2, BracketIRE+, gains",
            "the gain of ssim is printed as 1.41; the printed numbers give 1.51",
        ),
    }
    assert rounded.values["ssim-l"] == 0.09
    assert rounded.notes == ()


def test_a_wrong_gain_is_told_with_the_better_method():
    """Who compares with TMRNet+ learns of the gain printed under it."""
    (note,) = row(TRANSFER, "2, BracketIRE", "TMRNet+").notes

    assert "printed as 1.42" in note


def test_no_row_of_masks_follows_from_its_formulas():
    """All six contradict AUC; four of them Jaccard or Dice beyond any averaging; AVG is right."""
    rows = published_rows("exposure-masks")
    text = {(r.table, r.row): " ".join(r.notes) for r in rows}

    assert len(rows) == 6
    assert all("AUC" in note for note in text.values())
    assert "Jaccard 0.936 is above Dice 0.916" in text["1", "Focal"]
    assert "Jaccard" not in text["1", "BCE"]
    assert all("Jaccard" in note for (table, _), note in text.items() if table == "2")
    assert not any("AVG" in note for note in text.values())


def test_real_masks_contradict_nothing():
    """Scores of one mask, and means over several, pass every check."""
    masks = [(90, 10, 5, 95), (1, 0, 99, 100), (50, 50, 0, 100)]
    scores = [scores_of(*counts) for counts in masks]
    means = {name: sum(s[name] for s in scores) / len(scores) for name in scores[0]}

    assert all(mask_contradictions(values) == () for values in (*scores, means))


def scores_of(hits, false_alarms, misses, rest):
    found, kept = hits / (hits + misses), rest / (rest + false_alarms)
    five = {
        "dice": 2 * hits / (2 * hits + false_alarms + misses),
        "jaccard": hits / (hits + false_alarms + misses),
        "sensitivity": found,
        "specificity": kept,
        "auc": (found + kept) / 2,
    }
    return five | {"avg": sum(five.values()) / 5}


def test_average_gains_of_the_text_are_exchanged():
    """0.91 dB is the mean gain on Tel's set, not Kalantari's."""
    gains = {
        name: [r.values["psnr-mu"] for r in all_rows() if r.table == f"1, {name}, gains"]
        for name in ("Tel", "Kalantari")
    }

    assert sum(gains["Kalantari"]) / 3 == pytest.approx(0.54, abs=0.005)
    assert sum(gains["Tel"]) / 3 == pytest.approx(0.917, abs=0.001)
    assert row(TRANSFER, "text, 4.2", "Kalantari").values["psnr"] == 0.91


def test_rows_name_protocols_and_columns_that_exist():
    """Columns that are compared are measured by the protocol, or need a file, or are no metric."""
    elsewhere = {"lpips", "gmacs", "thousand-parameters"}
    for r in all_rows():
        if r.protocol in PROTOCOLS and r.kind == "results":
            assert {*r.values} <= {*PROTOCOLS[r.protocol].metrics} | elsewhere, r.source
        else:
            assert r.protocol in {*PROTOCOLS, None, "exposure-masks", "motion-masks"}


def test_comparison_gives_gaps_and_says_why_they_may_mean_little():
    """Ours minus theirs, for shared columns alone, with the differences in words."""
    found = compare_published("kalantari", {"psnr-mu": 44.0, "other": 1.0})
    by_name = {(c.published.table, c.published.row): c for c in found}
    best = by_name["I (a)", "M8 Prabhakar20"]

    assert best.gaps == {"psnr-mu": pytest.approx(44.0 - 42.82)}
    assert best.differences[0] == "published for Kalantari17, 15 scenes"
    assert any("tiles" in text for text in best.differences)
    assert ("III", "With memory, shared") not in by_name  # it has no PSNR-mu
    assert best.published.source == f"{SEGMENTATION}, arXiv 2207.01229 (2022), table I (a)"


@pytest.mark.parametrize(
    ("protocol", "word"),
    [
        ("kalantari-matlab", "MATLAB"),
        ("ntire21", "peak"),
        ("bracketire-approx", "demosaicing"),
        ("bracketire-ntire24", "edges"),
    ],
)
def test_a_protocol_without_rows_takes_those_nearest_and_says_so(protocol, word):
    """What no paper reports is put beside what is most like it."""
    ours = dict.fromkeys(PROTOCOLS[protocol].metrics, 1.0)

    found = compare_published(protocol, ours)

    assert found
    assert all(word in comparison.differences[1] for comparison in found)


def test_our_own_benchmark_has_no_published_rows():
    """Nobody has published on it yet."""
    assert compare_published("deghost-bench", {"psnr-mu": 40.0}) == []
