import csv
import io
import json
import math
from dataclasses import replace

from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Failure
from deghost.evaluate.results import with_published
from deghost.evaluate.tables import csv_text, json_text, markdown, mean_tables, table


def rows_of(text):
    return [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def test_many_methods_are_lines_and_many_columns_too(results):
    """The longer list goes down the page."""
    few = replace(results, methods={"weighted": ""})

    by_method, by_column = (rows_of(mean_tables(found)[0]) for found in (results, few))

    assert [row[0] for row in by_method[2:]] == ["static", "weighted", "oracle"]
    assert [row[0] for row in by_column[2:]] == [
        *("n", "psnr-mu", "psnr-mu-recoverable", "lpips-alex", "seconds")
    ]
    assert by_column[3][1] == "35.00"


def test_the_best_is_bold(results):
    """Only rivals can be; ties by what is printed all are."""
    lines = mean_tables(results)[0].splitlines()

    assert "**35.00**" in next(line for line in lines if "weighted" in line)
    assert "**" not in next(line for line in lines if "oracle" in line)


def test_markdown_holds_everything(results):
    """Means, groups, every scene, what failed, and how to read it."""
    text = markdown(replace(results, failures=(Failure("b", "static", "it broke"),)))

    assert "### psnr-mu by group" in text
    assert "- b, static: it broke" in text
    assert "Truths reach from 0.5 to 4." in text
    assert "- `static`: without deghosting" in text
    assert "torch" in text


def test_csv_is_exact(results):
    """One row a picture and method, then the means; what is not known stays empty."""
    rows = list(csv.DictReader(io.StringIO(csv_text(results))))

    assert len(rows) == len(results.records) + 3
    first = next(row for row in rows if row["method"] == "weighted")
    assert (first["scene"], first["psnr-mu"], first["psnr-mu-recoverable"]) == ("a", "40.0", "42.0")
    mean = next(row for row in rows if row["scene"] == "MEAN" and row["method"] == "weighted")
    assert mean["psnr-mu"] == "35.0"
    assert next(r for r in rows if r["scene"] == "b")["psnr-mu-recoverable"] == ""


def test_json_is_strict(results):
    """Infinite and missing numbers are words; protocol, versions and failures are there."""
    broken = replace(results.records[0], scores={"psnr-mu": math.inf, "lpips-alex": math.nan})

    def refuse(word):
        raise AssertionError(word)

    told = json.loads(
        json_text(replace(results, records=(broken, *results.records[1:]))), parse_constant=refuse
    )

    assert told["pictures"][0]["scores"] == {"psnr-mu": "inf", "lpips-alex": "nan"}
    assert told["protocol"]["name"] == "deghost-bench"
    assert told["truth_range"] == [0.5, 4.0]
    assert told["means"]["weighted"]["night"]["scenes"] == 1


def test_published_rows_carry_their_gaps(results):
    """Ours minus published, with the sign, and ours below."""
    found = with_published(replace(results, protocol=PROTOCOLS["kalantari"]))

    text = markdown(found)

    assert "| 42.03 (-7.03)" in text
    assert "**ours**" in text
    assert "variant of SSIM" in text


def test_cells_cannot_break_a_table():
    """A bar in a name is escaped."""
    assert table(["a|b"], [["c\nd"]]).splitlines() == ["| a\\|b |", "| ---- |", "| c d  |"]
