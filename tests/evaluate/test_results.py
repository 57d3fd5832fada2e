import math
from dataclasses import replace

import pytest

from deghost.evaluate.protocols import PROTOCOLS
from deghost.evaluate.records import Failure
from deghost.evaluate.results import gathered, protocol_text, versions, with_published


def test_means_are_over_pictures(results):
    """Of a group or of all; what is not a number is left out."""
    assert results.mean("weighted", "psnr-mu") == pytest.approx((40 + 30) / 2)
    assert results.mean("weighted", "psnr-mu", "night") == 30
    assert results.mean("weighted", "psnr-mu-recoverable") == 42
    assert math.isnan(results.mean("weighted", "psnr-mu", "nowhere"))
    assert results.seconds("weighted") == 0.5


def test_the_best_is_no_oracle(results):
    """What is told the truth does not compete, and one alone wins nothing."""
    alone = replace(results, methods={"weighted": "", "oracle": ""})

    assert results.best("psnr-mu") == 35
    assert results.best("lpips-alex") == 0.1
    assert math.isnan(alone.best("psnr-mu"))


def test_published_rows_stand_beside_the_best_rival(results):
    """Not beside the oracle, and with a word on what was measured."""
    found = with_published(replace(results, protocol=PROTOCOLS["kalantari"]))

    assert found.comparisons
    assert all(item.ours["psnr-mu"] == 35 for item in found.comparisons)
    assert "beside those of weighted, of 2 pictures" in found.notes[-1]


def test_a_protocol_without_published_rows_says_so(results):
    """Nothing is compared in silence."""
    found = with_published(results)

    assert not found.comparisons
    assert "no published row" in found.notes[-1]
    assert with_published(replace(results, records=())).notes == results.notes


def test_outcomes_are_parted(results):
    """Records and failures, each in their order."""
    failed = Failure("x", "weighted", "no")

    assert gathered([failed, *results.records]) == (results.records, (failed,))


def test_every_setting_of_a_protocol_is_told():
    """Two protocols that measure differently have two texts, down to the arguments of a metric."""
    texts = {protocol_text(protocol) for protocol in PROTOCOLS.values()}

    assert len(texts) == len(PROTOCOLS)
    assert "peak=1000.0" in protocol_text(PROTOCOLS["deghost-bench"])


def test_versions_name_the_program():
    """What numbers depend on is told with them."""
    assert {"python", "machine", "deghost", "torch"} <= versions().keys()
