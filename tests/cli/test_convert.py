import numpy as np
import pytest
from PIL import Image

from deghost.io.radiance import RadianceMetadata, write_radiance
from deghost.merge.conversion import open_radiance
from deghost.types import Capture


FORMATS = ("exr", "hdr", "tif", "jpg")


@pytest.fixture
def picture(tmp_path, monkeypatch, scene):
    """An HDR picture, `one.exr`, whose diffuse white is about 1."""
    monkeypatch.chdir(tmp_path)
    metadata = RadianceMetadata(Capture(time=1 / 64, iso=100), absolute_scale=1024.0)
    write_radiance(tmp_path / "one.exr", (8 * scene).astype(np.float32), metadata)
    return tmp_path


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_every_format_becomes_every_other(picture, run, source, target):
    """Values stay within what the formats can hold; Ultra HDR states its own white."""
    first = run(f"convert one.exr -o first.{source} --quiet")
    second = run(f"convert first.{source} -o second.{target} --quiet")

    assert (first.code, second.code) == (0, 0), first.err + second.err
    one, two = (open_radiance(picture / n).pixels for n in ("one.exr", f"second.{target}"))
    bright = one > 0.05
    ratio = two[bright] / one[bright]
    if "jpg" in (source, target):
        ratio = ratio / np.median(ratio)
    assert np.percentile(np.abs(ratio - 1), 80) < (0.06 if "jpg" in (source, target) else 0.01)


@pytest.mark.parametrize("target", ["exr", "hdr", "tif"])
def test_metadata_survive_the_way(picture, run, target):
    """The absolute factor and the capture go along."""
    run(f"convert one.exr -o two.{target} --quiet")

    attributes = open_radiance(picture / f"two.{target}").attributes

    assert float(attributes["deghost.absoluteScale"]) == 1024
    assert float(attributes["expTime"]) == pytest.approx(1 / 64)


@pytest.mark.parametrize(
    "tone", ["photographic", "filmic", "reinhard", "durand", "krawczyk", "mu-law"]
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_every_operator_makes_a_picture(picture, run, tone, ending):
    """An ordinary picture with detail in it, of the same size."""
    result = run(f"convert one.exr -o two.{ending} --tone {tone}")

    assert result.code == 0
    assert result.out == f"wrote two.{ending}\n"
    with Image.open(picture / f"two.{ending}") as shown:
        codes = np.asarray(shown.convert("RGB"))
    assert codes.shape == (96, 128, 3)
    assert 40 < codes.mean() < 230
    assert codes.std() > 15


def test_numbers_of_an_exr_may_be_chosen(picture, run):
    """--exr-type float keeps what half would round."""
    run("convert one.exr -o two.tif --quiet")
    run("convert two.tif -o three.exr --exr-type float --quiet")

    assert (picture / "three.exr").stat().st_size > (picture / "one.exr").stat().st_size


def test_what_is_no_light_is_replaced_and_told(picture, run):
    """NaN and negative values become 0, infinity the largest value."""
    pixels = open_radiance(picture / "one.exr").pixels.copy()
    largest = pixels.max()
    pixels[0, 0], pixels[0, 1], pixels[0, 2], pixels[0, 3] = np.nan, np.inf, -np.inf, -1
    write_radiance(picture / "bad.exr", pixels, exr_type="float")

    result = run("convert bad.exr -o good.exr --exr-type float")

    good = open_radiance(picture / "good.exr").pixels
    assert result.out.splitlines() == [
        "- 6 negative values became 0",
        "- 3 values that are NaN became 0",
        f"- 3 infinite values became {largest:.6g}",
        "wrote good.exr",
    ]
    assert good[0, :4, 0].tolist() == [0, largest, 0, 0]
    assert run("convert bad.exr -o good.png --tone durand --quiet").code == 0


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_empty_pictures_are_converted(picture, run, value):
    """A picture that is black, or nothing at all, does not stop any operator."""
    write_radiance(picture / "none.exr", np.full((9, 11, 3), value, np.float32))

    for line in (
        "-o a.hdr",
        "-o a.jpg",
        "-o a.png --tone krawczyk",
        "-o b.png --tone durand",
        "-o c.png --tone reinhard",
        "-o d.png --tone mu-law",
        "-o e.png --tone filmic",
    ):
        assert run(f"convert none.exr {line}").code == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gone.exr -o two.hdr", "gone.exr does not exist or is no file"),
        ("empty.exr -o two.hdr", "empty.exr"),
        ("empty.hdr -o two.exr", "empty.hdr"),
        ("empty.tif -o two.exr", "empty.tif"),
        ("empty.jpg -o two.exr", "empty.jpg"),
        ("half.exr -o two.hdr", "half.exr"),
        ("plain.jpg -o two.exr", "plain.jpg has no Ultra HDR or ISO 21496-1 gain map"),
        ("plain.png -o two.exr", "plain.png is of no known kind"),
        (". -o two.exr", "is of no known kind"),
        ("one.exr -o one.exr --force", "one.exr is the file to read; give another name"),
        ("one.exr -o old.hdr", "old.hdr exists already; pass --force to replace it"),
        ("one.exr -o two.xyz", "two.xyz ends in .xyz; give one of .exr"),
        ("one.exr -o two.exr --tone reinhard", "give one of .jpg, .jpeg, .png"),
        ("one.exr -o two.png --tone vivid", "Choose from:"),
        ("one.exr -o nowhere/two.png", "the folder nowhere does not exist"),
    ],
)
def test_what_cannot_be_converted_is_refused(picture, refused, line, words):
    """One line names the file; nothing is written."""
    for name in ("empty.exr", "empty.hdr", "empty.tif", "empty.jpg", "old.hdr"):
        (picture / name).write_bytes(b"")
    whole = (picture / "one.exr").read_bytes()
    (picture / "half.exr").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (8, 8)).save(picture / "plain.jpg")
    Image.new("RGB", (8, 8)).save(picture / "plain.png")
    before = sorted(path.name for path in picture.iterdir())

    assert words in refused(f"convert {line}")
    assert sorted(path.name for path in picture.iterdir()) == before
