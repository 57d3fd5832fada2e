import json

from deghost.models.zoo import shipped_weights


def test_all_shipped_weights_are_listed(run):
    """One line a model, and how much they weigh in all."""
    result = run("models")

    assert result.code == 0, result.err
    for name in shipped_weights():
        assert any(line.startswith(name) for line in result.out.splitlines())
    assert f"{len(shipped_weights())} models, " in result.out.splitlines()[-1]


def test_json_tells_whole_cards(run):
    """Name, network, parameters, size, training data, licence and measures of each."""
    told = json.loads(run("models --json").out)

    assert [model["name"] for model in told] == list(shipped_weights())
    for model in told:
        assert model["parameters"] > 0
        assert model["bytes"] <= 5_000_000
        assert model["training_data"]
        assert model["licence"]
    assert sum(model["bytes"] for model in told) <= 30_000_000


def test_the_card_of_one_is_printed(run):
    """By its name or by the path of a weights file."""
    path = shipped_weights()["exposure-net"]

    for name in ("exposure-net", str(path)):
        lines = run(["models", name]).out.splitlines()
        assert lines[0] == name
        assert any(line.startswith("  licence: ") for line in lines)
        assert any(line.startswith("  checksum: SHA-256 ") for line in lines)
    assert json.loads(run("models exposure-net --json").out)["name"] == "exposure-net"


def test_a_name_that_is_none_lists_those_that_are(refused):
    """The mistake is one line."""
    assert "no weights named nothing; there are: " in refused("models nothing")
