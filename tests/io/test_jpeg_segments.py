import imagecodecs
import numpy as np
import pytest

from deghost.errors import ReadError
from deghost.io.jpeg_segments import (
    APP1,
    APP2,
    MPF_SIZE,
    mpf_segment,
    segment,
    segments,
    split_pictures,
    with_segments,
)


def make_jpeg(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8)
    return bytes(imagecodecs.jpeg8_encode(noise, 90))


def test_inserted_segments_are_found_again_and_the_picture_is_unharmed():
    """JFIF stays first, the new ones follow in their order, and the pixels are the same."""
    jpeg = make_jpeg()

    longer = with_segments(jpeg, [segment(APP1, b"one"), segment(APP2, b"two")])

    found = list(segments(longer))
    assert found[0][0] == 0xE0
    assert found[1:3] == [(APP1, b"one"), (APP2, b"two")]
    assert np.array_equal(imagecodecs.jpeg8_decode(longer), imagecodecs.jpeg8_decode(jpeg))


def test_pictures_in_a_row_are_cut_apart():
    """A thumbnail inside a segment and rubbish between pictures confuse nothing."""
    thumbnail, first, second = make_jpeg(1), make_jpeg(2), make_jpeg(3)
    first = with_segments(first, [segment(APP1, b"Exif\0\0" + thumbnail)])

    assert split_pictures(first + b"padding" + second) == [first, second]
    assert split_pictures(first + second[:-2]) == [first]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"letters", make_jpeg()[:-2], make_jpeg()[:30]])
def test_a_picture_without_an_end_is_an_error(data):
    """What is cut short, or no JPEG at all, is refused."""
    with pytest.raises(ReadError, match="is no JPEG file, or is cut short"):
        split_pictures(data)


def test_the_index_has_the_size_that_is_reckoned_with():
    """The offsets in the file are computed before the index is written."""
    assert len(mpf_segment(1000, 500, 200)) == MPF_SIZE + 4
