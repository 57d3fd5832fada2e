"""Make the README's pictures from the demo's results (run scripts/demo first)."""

from pathlib import Path

import cv2
import numpy as np


ROOT = Path(__file__).resolve().parent.parent
MARGIN = 6  # px between pictures


def main() -> None:
    """Write docs/images/frames.jpg and docs/images/merged.jpg."""
    sample, demo = ROOT / "examples" / "sample", ROOT / "out" / "demo"
    frames = [cv2.imread(str(sample / f"IMG_000{k}.jpg")) for k in (2, 1, 3)]
    small = [cv2.resize(f, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for f in frames]
    save("frames", row(small))
    merged = [cv2.imread(str(demo / f"{name}.jpg")) for name in ("ghosts", "sample")]
    save("merged", row([picture[60:400, 190:640] for picture in merged]))


def row(pictures: list[np.ndarray]) -> np.ndarray:
    """Set pictures of one height side by side on white."""
    gap = np.full((pictures[0].shape[0], MARGIN, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (picture, gap)]
    return np.concatenate(parts[:-1], axis=1)


def save(name: str, picture: np.ndarray) -> None:
    """Write one picture as JPEG."""
    target = ROOT / "docs" / "images" / f"{name}.jpg"
    cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
