import numpy as np

from deghost.align.warp import Warp
from deghost.merge.notes import current_notes, frame_notes


NAMES = ["a.jpg", "b.jpg", "c.jpg"]
FINE, LOST = (0.1, 0.2), (0.4, 0.6)


def warps(*failed):
    return [Warp(np.eye(3), (4, 6), failed=k in failed) for k in range(3)]


def test_each_frame_that_could_not_be_aligned_is_named():
    """With what it means for the merge and what to do; frames that were aligned are not."""
    notes = frame_notes(NAMES, [FINE] * 3, warps(0, 2))

    assert [note[:35] for note in notes] == [
        "frame 0 (a.jpg) could not be aligne",
        "frame 2 (c.jpg) could not be aligne",
    ]
    assert "leave it out, or align the frames by hand and give --align none" in notes[0]
    assert frame_notes(NAMES, [FINE] * 3, warps()) == []


def test_a_frame_that_shows_nothing_is_to_be_left_out_unless_all_are():
    """Nobody is told to leave out every frame, the reference included."""
    one = frame_notes(NAMES, [LOST, FINE, FINE], warps())
    every = frame_notes(NAMES, [LOST] * 3, warps())

    assert len(one) == len(every) == 1
    assert "(a.jpg) is all clipped or buried in noise: leave it out" in one[0]
    assert every[0].startswith("no frame measured anything")


def test_a_note_on_the_reference_is_of_the_frame_that_it_is():
    """As decided it stands; edited since, it is the plan's."""
    notes = ["reference: frame 1, the best exposed (9.9% clipped, 1.3% buried)", "another"]

    assert current_notes(notes, 1) == tuple(notes)
    assert current_notes(notes, 0) == ("reference: frame 0, as the plan says", "another")
    assert current_notes([notes[0].replace("1,", "11,")], 1)[0].startswith("reference: frame 1, as")
