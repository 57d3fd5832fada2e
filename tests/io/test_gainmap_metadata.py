import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deghost.errors import ReadError
from deghost.io.gainmap_metadata import gain_map_xmp, iso_payload, parse_iso, parse_xmp, primary_xmp
from deghost.radiometry.gainmap import GainMapMetadata


COMMON = GainMapMetadata((-0.75,) * 3, (3.25,) * 3, alternate_headroom=3.0)
SEPARATE = GainMapMetadata((-0.75, 0.0, 0.5), (3.25, 3.0, 2.5), (1.0, 1.25, 2.0))


@pytest.mark.parametrize("metadata", [COMMON, SEPARATE])
def test_both_kinds_of_metadata_come_back(metadata):
    """What is written to ISO 21496-1 and to XMP is read from either."""
    assert parse_iso(iso_payload(metadata)) == metadata
    assert parse_xmp(gain_map_xmp(metadata)) == metadata


@given(st.floats(-20, 0), st.floats(0.01, 20), st.floats(0.1, 8))
def test_fractions_are_close_to_the_numbers_they_stand_for(lowest, highest, gamma):
    """A millionth of a stop is far below what eight bits resolve."""
    metadata = GainMapMetadata((lowest,) * 3, (highest,) * 3, (gamma,) * 3)

    read = parse_iso(iso_payload(metadata))

    assert read.lowest[0] == pytest.approx(lowest, abs=2e-6)
    assert read.highest[0] == pytest.approx(highest, abs=2e-6)
    assert read.gamma[0] == pytest.approx(gamma, abs=2e-6)


def test_the_iso_layout_is_that_of_the_standard():
    """Versions, flags, headrooms, then five fractions a channel: 61 bytes for one channel."""
    payload = iso_payload(COMMON)

    assert len(payload) == 61
    assert struct.unpack(">HHB", payload[:5]) == (0, 0, 0x40)
    assert struct.unpack(">IIII", payload[5:21]) == (0, 1, 3, 1)
    assert struct.unpack(">iIiI", payload[21:37]) == (-3, 4, 13, 4)
    assert len(iso_payload(SEPARATE)) == 61 + 2 * 40
    assert iso_payload(SEPARATE)[4] == 0xC0


def test_a_common_denominator_is_understood():
    """Other writers save room by one denominator for all numbers."""
    numbers = struct.pack(">IIIiiIii", 64, 0, 192, -64, 192, 64, 1, 1)

    read = parse_iso(bytes(4) + bytes([0x48]) + numbers)

    assert (read.lowest[0], read.highest[0], read.gamma[0]) == (-1.0, 3.0, 1.0)
    assert (read.base_offset[0], read.alternate_headroom) == (1 / 64, 3.0)


def test_xmp_of_other_writers_is_understood():
    """Properties may be elements or lists, and most of them may be missing."""
    packet = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
          xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0">
        <hdrgm:GainMapMax><rdf:Seq><rdf:li>2</rdf:li><rdf:li>3</rdf:li><rdf:li>4</rdf:li></rdf:Seq>
        </hdrgm:GainMapMax><hdrgm:HDRCapacityMax>2.5</hdrgm:HDRCapacityMax>
      </rdf:Description></rdf:RDF></x:xmpmeta>"""

    read = parse_xmp(packet)

    assert read is not None
    assert (read.highest, read.alternate_headroom) == ((2.0, 3.0, 4.0), 2.5)
    assert (read.lowest, read.gamma, read.base_offset[0]) == ((0.0,) * 3, (1.0,) * 3, 1 / 64)


@pytest.mark.parametrize("packet", [b"", b"<x", primary_xmp(100)])
def test_xmp_that_describes_no_gain_map_is_passed_over(packet):
    """The primary picture's directory and damaged packets are no gain map."""
    assert parse_xmp(packet) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(5),
        b"\0\1" + iso_payload(COMMON)[2:],
        iso_payload(COMMON)[:40],
        iso_payload(COMMON)[:24] + bytes(4) + iso_payload(COMMON)[28:],
        iso_payload(GainMapMetadata((0.0,) * 3, (100.0,) * 3)),
        iso_payload(GainMapMetadata((0.0,) * 3, (1.0,) * 3, (0.0,) * 3)),
    ],
)
def test_damaged_iso_metadata_are_errors(payload):
    """Too short, a newer version, a denominator of zero, a range or gamma beyond use."""
    with pytest.raises(ReadError, match="damaged gain map metadata|newer kind"):
        parse_iso(payload)


def test_damaged_xmp_numbers_are_errors():
    """A gain that is no number cannot be applied."""
    with pytest.raises(ReadError, match="damaged gain map metadata"):
        parse_xmp(gain_map_xmp(COMMON).replace(b"3.25", b"much"))
