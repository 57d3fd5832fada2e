import numpy as np
import OpenEXR
import pytest

from deghost.errors import ReadError
from deghost.io.exr import read_exr
from deghost.io.exr_chunks import check_exr_complete


@pytest.fixture
def write(tmp_path):
    """Write a picture of noise with these header entries."""

    def save(**header):
        pixels = np.random.default_rng(0).random((70, 90, 3)).astype(np.float32)
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | header
        path = tmp_path / "picture.exr"
        with OpenEXR.File(header, {"RGB": pixels}) as file:
            file.write(str(path))
        return path

    return save


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"compression": OpenEXR.PIZ_COMPRESSION},
        {"compression": OpenEXR.NO_COMPRESSION, "lineOrder": OpenEXR.DECREASING_Y},
        {"type": OpenEXR.tiledimage, "tiles": OpenEXR.TileDescription()},
    ],
)
def test_a_file_is_complete_to_its_last_byte(write, capfd, header):
    """Whole it is read; without its last byte, or most of it, it is refused without a noise."""
    path = write(**header)
    whole = path.read_bytes()

    check_exr_complete(path)
    assert read_exr(path).pixels.shape == (70, 90, 3)
    for length in (len(whole) - 1, len(whole) // 2, 1000, 200, 20, 6):
        path.write_bytes(whole[:length])
        with pytest.raises(ReadError, match=r"^picture\.exr is damaged or cut short"):
            read_exr(path)
    assert capfd.readouterr() == ("", "")
