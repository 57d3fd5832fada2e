"""The metadata of a gain map as bytes: ISO 21496-1 (annex C) and Adobe's hdrgm XMP.

Readers of today know one or the other, so files carry both. The XMP directory of the pictures in
a file (GContainer) and the hdrgm names follow Android's Ultra HDR Image Format v1.1.
"""

import struct
from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree

from deghost.errors import ReadError
from deghost.radiometry.gainmap import OFFSET, GainMapMetadata, PerChannel


ISO_NAMESPACE = b"urn:iso:std:iso:ts:21496:-1\0"
ISO_VERSION = bytes(4)  # minimum version 0, writer version 0
XMP_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
HDRGM = "http://ns.adobe.com/hdr-gain-map/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
THREE_CHANNELS, BASE_COLOURS, COMMON_DENOMINATOR = 0x80, 0x40, 0x08  # flags
LARGEST_DENOMINATOR = 2**20

XMP_PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}">'
    f'<rdf:Description rdf:about="" xmlns:hdrgm="{HDRGM}"%s</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)
DIRECTORY = (
    ' xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    ' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    ' hdrgm:Version="1.0"><Container:Directory><rdf:Seq>'
    '<rdf:li rdf:parseType="Resource">'
    '<Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    '<rdf:li rdf:parseType="Resource">'
    '<Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="%d"/></rdf:li>'
    "</rdf:Seq></Container:Directory>"
)


def iso_payload(metadata: GainMapMetadata) -> bytes:
    """Write ISO 21496-1 metadata as fractions, once for all colours where they agree."""
    channels = 1 if _same_for_all(metadata) else 3
    flags = BASE_COLOURS | (THREE_CHANNELS if channels == 3 else 0)
    parts = [ISO_VERSION, bytes([flags])]
    parts += [_fraction(metadata.base_headroom, "I"), _fraction(metadata.alternate_headroom, "I")]
    for channel in range(channels):
        parts += [
            _fraction(metadata.lowest[channel], "i"),
            _fraction(metadata.highest[channel], "i"),
            _fraction(metadata.gamma[channel], "I"),
            _fraction(metadata.base_offset[channel], "i"),
            _fraction(metadata.alternate_offset[channel], "i"),
        ]
    return b"".join(parts)


def parse_iso(payload: bytes) -> GainMapMetadata:
    """Read ISO 21496-1 metadata. Raises ReadError."""
    try:
        (minimum_version,) = struct.unpack_from(">H", payload)
        if minimum_version != 0:
            raise ReadError("has a gain map of a newer kind; convert it with newer software")
        flags = payload[4]
        channels = 3 if flags & THREE_CHANNELS else 1
        numbers = _fractions(payload, "II" + "iiIii" * channels, bool(flags & COMMON_DENOMINATOR))
    except (struct.error, IndexError, ZeroDivisionError) as error:
        raise ReadError("has damaged gain map metadata") from error
    lowest, highest, gamma, before, after = (_three(numbers[2 + k :: 5]) for k in range(5))
    headrooms = numbers[0], numbers[1]
    return _checked(GainMapMetadata(lowest, highest, gamma, before, after, *headrooms))


def gain_map_xmp(metadata: GainMapMetadata) -> bytes:
    """Write the hdrgm properties that stand in the gain map's own picture."""
    values = {
        "GainMapMin": metadata.lowest,
        "GainMapMax": metadata.highest,
        "Gamma": metadata.gamma,
        "OffsetSDR": metadata.base_offset,
        "OffsetHDR": metadata.alternate_offset,
    }
    plain = {name: f"{value[0]:.9g}" for name, value in values.items() if len({*value}) == 1}
    plain |= {
        "Version": "1.0",
        "HDRCapacityMin": f"{metadata.base_headroom:.9g}",
        "HDRCapacityMax": f"{metadata.alternate_headroom:.9g}",
        "BaseRenditionIsHDR": "False",
    }
    attributes = "".join(f' hdrgm:{name}="{value}"' for name, value in plain.items())
    lists = "".join(
        f"<hdrgm:{name}><rdf:Seq>{_list_items(value)}</rdf:Seq></hdrgm:{name}>"
        for name, value in values.items()
        if name not in plain
    )
    return (XMP_PACKET % f"{attributes}>{lists}").encode()


def primary_xmp(gain_map_size: int) -> bytes:
    """Write the directory of the two pictures, which stands in the first."""
    return (XMP_PACKET % (DIRECTORY % gain_map_size)).encode()


def parse_xmp(packet: bytes) -> GainMapMetadata | None:
    """Read hdrgm properties; None where the packet describes no gain map. Raises ReadError."""
    try:
        root = ElementTree.fromstring(packet.strip(b"\0 \n"))
    except ElementTree.ParseError:
        return None
    for description in root.iter(f"{{{RDF}}}Description"):
        if _property(description, "GainMapMax"):
            return _from_properties(description)
    return None


def _from_properties(description: ElementTree.Element) -> GainMapMetadata:
    def numbers(name: str, default: float) -> PerChannel:
        return _three([float(text) for text in _property(description, name)] or [default])

    try:
        highest = numbers("GainMapMax", 1.0)
        metadata = GainMapMetadata(
            lowest=numbers("GainMapMin", 0.0),
            highest=highest,
            gamma=numbers("Gamma", 1.0),
            base_offset=numbers("OffsetSDR", OFFSET),
            alternate_offset=numbers("OffsetHDR", OFFSET),
            base_headroom=numbers("HDRCapacityMin", 0.0)[0],
            alternate_headroom=numbers("HDRCapacityMax", max(highest))[0],
        )
    except ValueError as error:
        raise ReadError("has damaged gain map metadata") from error
    if _property(description, "BaseRenditionIsHDR")[:1] == ["True"]:
        raise ReadError("has an HDR base picture, which XMP gain maps of Ultra HDR never have")
    return _checked(metadata)


def _property(description: ElementTree.Element, name: str) -> list[str]:
    """Find a property written as an attribute, an element, or a list."""
    qualified = f"{{{HDRGM}}}{name}"
    if qualified in description.attrib:
        return [description.attrib[qualified].strip()]
    element = description.find(qualified)
    if element is None:
        return []
    texts = [item.text or "" for item in element.iter(f"{{{RDF}}}li")] or [element.text or ""]
    return [text.strip() for text in texts]


def _list_items(values: PerChannel) -> str:
    return "".join(f"<rdf:li>{value:.9g}</rdf:li>" for value in values)


def _three(values: Sequence[float]) -> PerChannel:
    """Use one value for all colours, or three for each."""
    if len(values) not in (1, 3):
        raise ReadError("has damaged gain map metadata")
    red, green, blue = (values[index % len(values)] for index in range(3))
    return red, green, blue


def _same_for_all(metadata: GainMapMetadata) -> bool:
    values = (metadata.lowest, metadata.highest, metadata.gamma)
    offsets = (metadata.base_offset, metadata.alternate_offset)
    return all(len({*value}) == 1 for value in (*values, *offsets))


def _fraction(value: float, kind: str) -> bytes:
    """Write a number as numerator (of the given kind) and denominator.

    Example:
        >>> _fraction(-1.5, "i").hex()
        'fffffffd00000002'
    """
    fraction = Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return struct.pack(f">{kind}I", fraction.numerator, fraction.denominator)


def _fractions(payload: bytes, kinds: str, common: bool) -> list[float]:
    """Read numbers whose denominators stand beside them, or once before them all."""
    if common:
        denominator, *numerators = struct.unpack_from(f">I{kinds}", payload, 5)
        return [numerator / denominator for numerator in numerators]
    values = struct.unpack_from(">" + "".join(f"{kind}I" for kind in kinds), payload, 5)
    return [values[i] / values[i + 1] for i in range(0, len(values), 2)]


def _checked(metadata: GainMapMetadata) -> GainMapMetadata:
    """Refuse a gamma that has no inverse, and gains beyond all measure."""
    extremes = [abs(value) for value in (*metadata.lowest, *metadata.highest)]
    if min(metadata.gamma) <= 0 or not max(extremes) < 64:
        raise ReadError("has damaged gain map metadata")
    return metadata
