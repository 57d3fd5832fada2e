import json


def test_a_bracket_is_explained(folder, run):
    """Exposures, clipping, motion, noise, and why frames were aligned as they were."""
    result = run("inspect a.jpg b.jpg c.jpg")

    assert result.code == 0
    assert "EXIF 1/256 s, ISO 100, f/4" in result.out
    assert "reference: frame 1, the best exposed" in result.out
    assert "clipped" in result.out
    assert "- frame 0: " in result.out
    assert "- frame 2: " in result.out


def test_the_explanation_is_also_json(folder, run):
    """Scripts get the same, and what was measured of every frame."""
    result = run("inspect a.jpg b.jpg c.jpg --json")

    told = json.loads(result.out)
    clipped = [frame["clipped"] for frame in told["measured"]]
    assert result.err == ""
    assert clipped == sorted(clipped)
    assert clipped[0] < 0.01 < clipped[2]
    assert all(frame["why"] for frame in told["frames"])


def test_what_moved_is_measured(put, run):
    """A thing that only one frame shows counts as moved there."""

    def hide(codes):
        codes[60:90, 20:60] = 255 - codes[60:90, 20:60]
        return codes

    put("a.jpg", 0.25, change=hide)
    put("b.jpg")
    put("c.jpg", 4)

    told = json.loads(run("inspect a.jpg b.jpg c.jpg --json").out)

    moved = [frame["moved"] for frame in told["measured"]]
    assert moved[0] > 0.05
    assert moved[1] == 0
    assert moved[2] < 0.02


def test_inspecting_writes_nothing(folder, run):
    """The folder stays as it was."""
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    run("inspect a.jpg b.jpg c.jpg --reference 2 --ev -2 0 2 --response srgb")

    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
