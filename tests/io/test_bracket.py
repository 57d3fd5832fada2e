import math

import numpy as np
import pytest
import torch
from PIL import Image

from deghost.errors import BracketError, ReadError
from deghost.io.bracket import read_again, read_bracket, read_frames
from deghost.io.exposure_settings import ExposureSettings
from deghost.radiometry.response import encode


@pytest.fixture
def put(tmp_path):
    """Put a frame of a textured scene: its exposure, what EXIF says of it, its size and mode."""
    rng = np.random.default_rng(3)
    coarse = rng.normal(0, 1, (12, 16, 3)).repeat(16, 0).repeat(16, 1)
    scene = 0.08 * np.exp2(coarse)

    def save(name, exposure=1.0, time=None, bias=None, size=None, mode="RGB"):
        codes = encode(torch.from_numpy(np.clip(scene * exposure, 0, 1)), "srgb").numpy()
        picture = Image.fromarray(np.rint(255 * codes).astype(np.uint8)).convert(mode)
        if size:
            picture = picture.resize(size)
        exif = Image.Exif()
        exif[0x0112] = 1
        tags = {0x829A: time, 0x9204: bias}
        exif.get_ifd(0x8769).update({k: v for k, v in tags.items() if v is not None})
        picture.save(tmp_path / name, exif=exif)
        return tmp_path / name

    return save


def values(bracket):
    return [exposure.value for exposure in bracket.exposures]


def names(bracket):
    return [frame.path.name for frame in bracket.frames]


def test_exposure_times_sort_the_frames(put):
    """Darkest first by EXIF, whatever the order and the names of the files."""
    paths = [put("a.png", 1, time=1 / 64), put("b.png", 0.25, time=1 / 256)]

    bracket = read_bracket(paths)

    assert names(bracket) == ["b.png", "a.png"]
    assert values(bracket)[1] / values(bracket)[0] == pytest.approx(4)
    assert "EXIF 1/256 s" in bracket.exposures[0].source


def test_bias_is_never_preferred_to_time(put):
    """A burst whose bias says otherwise is merged by its times."""
    paths = [put("a.png", 0.25, time=1 / 256, bias=2), put("b.png", 1, time=1 / 64, bias=-2)]

    bracket = read_bracket(paths)

    assert names(bracket) == ["a.png", "b.png"]


def test_files_without_a_time_are_named_among_others(put):
    """Where nothing helps, too; where none has a time, all are meant."""
    paths = [put("a.png", 0, time=1 / 256), put("b.png", 1e4), put("c.png", 2e4)]
    alike = [put("d.png", 0.25), put("e.png", 1)]

    with pytest.raises(
        BracketError, match=r"^b\.png, c\.png state no exposure time, but the frames"
    ):
        read_bracket(paths)
    assert read_bracket(alike).notes == (
        "the files state no exposure times: ratios fitted from the pixels",
    )


def test_grey_frames_and_colour_are_not_mixed(put):
    """A grey frame would take the others' colour away; frames that all are grey are a bracket."""
    colour = [put("a.png", 0.25, time=1 / 256), put("b.png", 1, time=1 / 64)]
    grey = [put("c.png", 4, time=1 / 16, mode="L"), put("d.png", 16, time=1 / 4, mode="L")]

    with pytest.raises(
        BracketError,
        match=r"^c\.png is a grey picture, but a\.png is in colour; save c\.png in colour",
    ):
        read_bracket([*colour, grey[0]])
    assert len(read_bracket(grey).frames) == 2


def test_bias_is_the_last_resort(put):
    """Without times, and without pixels that can be compared, the bias remains."""
    flat = [put("a.png", 0, bias=-2), put("b.png", 1e4, bias=2)]

    bracket = read_bracket(flat)

    assert values(bracket) == pytest.approx([0.25, 4])
    assert "the files state no exposure times: the exposure bias is used" in bracket.notes


def test_pixels_stand_in_for_missing_times(put):
    """One file without a time is enough for all ratios to be fitted, and the notes name it."""
    paths = [put("a.png", 0.25, time=1 / 256), put("b.png", 1), put("c.png", 4, time=1 / 16)]

    bracket = read_bracket(paths)

    assert np.log2(values(bracket)) == pytest.approx([0, 2, 4], abs=0.15)
    assert "b.png states no exposure time: ratios fitted from the pixels" in bracket.notes


def test_pixels_overrule_times_that_they_contradict(put):
    """Files that lie by four stops are found out."""
    paths = [put("a.png", 0.25, time=1 / 60), put("b.png", 1, time=1)]

    bracket = read_bracket(paths)

    assert math.log2(values(bracket)[1] / values(bracket)[0]) == pytest.approx(2, abs=0.15)
    assert bracket.notes[0].startswith("as written, a.png to b.png is +")
    assert bracket.notes[0].endswith("EV in the pixels: exposures fitted from the pixels")


def test_asking_for_a_fit_ignores_the_times(put):
    """With `fit` the pixels decide even where EXIF agrees with itself."""
    paths = [put("a.png", 0.25, time=1 / 256), put("b.png", 1, time=1 / 64)]

    bracket = read_bracket(paths, ExposureSettings(fit=True))

    assert "fitted" in bracket.exposures[1].source


def test_given_exposures_belong_to_the_files_in_their_order(put):
    """The first value is that of the first file, and no pixel or tag is asked."""
    paths = [put("a.png", 1, time=1), put("b.png", 0.25, time=1)]

    by_time = read_bracket(paths, ExposureSettings(times=(1 / 50, 1 / 200)))
    by_stops = read_bracket(paths, ExposureSettings(ev=(1, -1)))

    assert names(by_time) == names(by_stops) == ["b.png", "a.png"]
    assert values(by_time) == pytest.approx([1 / 200, 1 / 50])
    assert values(by_stops) == pytest.approx([0.5, 2])


def test_given_exposures_that_pixels_contradict_are_kept_and_doubted(put):
    """Values in the wrong order, and one frame three times: used as given, and said."""
    shot = [put("a.png", 1), put("b.png", 0.25), put("c.png", 4)]
    alike = [put(name, 1) for name in ("d.png", "e.png")]

    mixed_up = read_bracket(shot, ExposureSettings(ev=(-2, 0, 2)))
    equal = read_bracket(alike, ExposureSettings(times=(1 / 60, 1 / 15)))
    right = read_bracket(shot, ExposureSettings(ev=(0, -2, 2)))

    assert values(mixed_up) == pytest.approx([0.25, 1, 4])
    assert "as given, a.png to b.png is +2.00 EV, but -2." in mixed_up.notes[0]
    assert mixed_up.notes[0].endswith("kept, but check the values and their order")
    assert "d.png to e.png is +2.00 EV, but +0.00 EV in the pixels" in equal.notes[0]
    assert right.notes == ()


def test_given_exposures_are_not_doubted_where_pixels_cannot_tell(put):
    """A black and a white frame compare nowhere, and one that lies upside down says nothing."""
    apart = [put("a.png", 0), put("b.png", 1e4)]
    turned = [put("c.png", 0.25), _turned(put("d.png", 0.5))]

    assert read_bracket(apart, ExposureSettings(ev=(-2, 2))).notes == ()
    assert read_bracket(turned, ExposureSettings(ev=(-4, 0))).notes == ()


def test_times_stay_where_frames_show_different_things(put):
    """A frame that lies upside down gives no ratio to overrule EXIF with; the note names it."""
    paths = [
        put("a.png", 0.25, time=1 / 256),
        put("b.png", 1, time=1 / 64),
        _turned(put("c.png", 0.5, time=1 / 16)),
    ]

    bracket = read_bracket(paths)

    assert np.log2(values(bracket)).round(2).tolist() == [-8, -6, -4]
    assert "as written, b.png to c.png is +2.00 EV, but " in bracket.notes[0]
    assert bracket.notes[0].endswith(
        "do not match each other: kept; check that they show one scene"
    )


def _turned(path):
    with Image.open(path) as picture:
        picture.rotate(180).save(path, exif=picture.getexif())
    return path


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"times": (1.0,)}, "--exposures has 1 values for 2 frames"),
        ({"times": (1.0, 0.0)}, "--exposures must be positive"),
        ({"times": (1.0, math.inf)}, "--exposures must be positive"),
        ({"ev": (1.0, 2.0, 3.0)}, "--ev has 3 values for 2 frames"),
        ({"ev": (1.0, math.nan)}, "--ev must be stops"),
        ({"ev": (1.0, 1.01)}, "same exposure"),
        ({"times": (1e-9, 1e9)}, "more than 40 stops apart"),
        ({"times": (1e20, 2e20)}, "beyond what any camera has"),
    ],
)
def test_given_exposures_that_cannot_be_are_refused(put, settings, words):
    """Count, sign, size and span are checked, and the option is named."""
    paths = [put("a.png", 0.25), put("b.png", 1)]

    with pytest.raises(BracketError, match=words):
        read_bracket(paths, ExposureSettings(**settings))


def test_equal_frames_are_no_bracket(put):
    """The same exposure twice leaves nothing to merge."""
    paths = [put("a.png", 1, time=1 / 60), put("b.png", 1, time=1 / 60)]

    with pytest.raises(BracketError, match="all frames have the same exposure"):
        read_bracket(paths)


@pytest.mark.parametrize("fit", [False, True])
def test_what_cannot_be_fitted_asks_for_exposures(put, fit):
    """A black and a white frame have nothing in common: the message shows what to type."""
    paths = [put("a.png", 0), put("b.png", 1e4)]

    with pytest.raises(BracketError, match=r"^a\.png .*too little in common; pass --exposures"):
        read_bracket(paths, ExposureSettings(fit=fit))


def test_frames_of_two_sizes_are_refused(put):
    """Both sizes and both files are named."""
    paths = [put("a.png", time=1), put("b.png", time=2, size=(30, 20))]

    with pytest.raises(BracketError, match=r"b\.png is 30x20 pixels but a\.png is 256x192"):
        read_bracket(paths)


def test_a_thread_of_pixels_is_refused(put):
    """What is 40,000 times as long as wide cannot be aligned."""
    paths = [put(name, time=time, size=(40_000, 1)) for name, time in (("a.png", 1), ("b.png", 2))]

    with pytest.raises(BracketError, match=r"a\.png is 40000x1 pixels, too narrow"):
        read_bracket(paths)


def test_one_frame_or_the_same_twice_is_no_bracket(put):
    """Two frames or more, each once, even by another path."""
    path = put("a.png")

    with pytest.raises(BracketError, match=r"only a\.png given"):
        read_bracket([path])
    with pytest.raises(BracketError, match=r"a\.png is given twice"):
        read_bracket([path, path.parent / "." / ".." / path.parent.name / "a.png"])


def test_raw_and_finished_pictures_do_not_mix(put, tmp_path, write_dng):
    """The files are told apart before anything is developed."""
    raw = write_dng(tmp_path / "raw.dng", np.full((16, 16, 3), 0.5))

    with pytest.raises(BracketError, match=r"raw\.dng and a\.png mix RAW and finished pictures"):
        read_bracket([put("a.png"), raw])


def test_raw_frames_share_one_white_balance_in_any_order(tmp_path, write_dng):
    """The balance is that of the first by name, so that the order of the files does not matter."""
    grey = np.full((32, 32, 3), 0.4)
    first = write_dng(tmp_path / "a.dng", grey)
    other = write_dng(tmp_path / "b.dng", grey, neutral=np.array([0.8, 1.0, 0.4]))

    one, two = read_frames([first, other]), read_frames([other, first])

    assert np.array_equal(one[0].pixels, two[1].pixels)
    assert np.array_equal(one[1].pixels, two[0].pixels)


def test_what_reading_decided_is_told_once(put):
    """A note that all frames share is one sentence; one of a single frame names it."""
    paths = [
        put("a.png", 0.25, time=1 / 256, mode="RGBA"),
        put("b.png", 1, time=1 / 64, mode="RGBA"),
    ]
    alone = [paths[0], put("c.png", 1, time=1 / 64)]

    assert read_bracket(paths).notes == ("every frame: its alpha channel is left out",)
    assert read_bracket(alone).notes == ("a.png: its alpha channel is left out",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello world", "is not a picture"),
        (None, "does not exist; check the path"),
    ],
)
def test_unreadable_frames_are_named(put, tmp_path, content, words):
    """An empty, a foreign and a missing file are told apart, each by its name."""
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ReadError, match=rf"^broken\.jpg {words}"):
        read_bracket([put("a.png"), path])


def test_a_folder_or_a_device_is_no_frame(put, tmp_path):
    """Neither is read, and both are named."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(ReadError, match="^folder is a folder; give the files in it"):
        read_bracket([put("a.png"), tmp_path / "folder"])
    with pytest.raises(ReadError, match="^null is no ordinary file"):
        read_bracket([put("a.png"), tmp_path.__class__("/dev/null")])


def test_a_stuck_pixel_of_the_sensor_is_replaced_and_told(put):
    paths = [put(f"{exposure}.png", exposure) for exposure in (0.01, 0.04, 0.16)]
    for path in paths:
        pixels = np.array(Image.open(path))
        pixels[40, 50] = 0, 255, 0
        Image.fromarray(pixels).save(path)

    bracket = read_bracket(paths, ExposureSettings(times=(1.0, 4.0, 16.0)))

    assert any("stuck at row 40, column 50:" in note for note in bracket.notes)
    again = read_again([frame.path for frame in bracket.frames], bracket.exposures)
    for frame, same in zip(bracket.frames, again, strict=True):
        assert frame.pixels[40, 50].max() <= frame.pixels[37:44, 47:54].max() < 255
        assert np.array_equal(frame.pixels, same.pixels)
