"""Measure how many training scenes the simulator makes a second.

python benchmarks/simulator.py --panoramas work/panoramas --scenes 200 --workers 2
"""

import argparse
import time
from itertools import islice
from operator import attrgetter
from pathlib import Path

import cv2
import torch

from deghost.data.panoramas import pack_panoramas, read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.stream import SceneStream, stream_scenes
from deghost.data.synthetic import make_scene
from deghost.data.views import Panorama


HERE = Path(__file__).parent


def processor_time(panoramas: tuple[Panorama, ...], settings: SceneSettings, scenes: int) -> float:
    """Seconds of one processor that a scene takes, on one thread."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    make_scene(panoramas, settings, 1, 0)
    start = time.process_time()
    for index in range(scenes):
        make_scene(panoramas, settings, 1, index)
    return (time.process_time() - start) / scenes


def wall_time(stream: SceneStream, workers: int, scenes: int) -> float:
    """Seconds from one scene to the next with worker processes, once they have started."""
    series = stream_scenes(stream, workers)
    for _ in islice(series, 4 * workers + 4):
        pass
    start = time.perf_counter()
    for _ in islice(series, scenes):
        pass
    return (time.perf_counter() - start) / scenes


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--panoramas", type=Path, default=HERE / "data")
    parser.add_argument("--cache", type=Path, default=Path("work/panoramas"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    arguments = parser.parse_args()
    pack_panoramas(read_panoramas(arguments.panoramas), arguments.cache)
    panoramas = read_panoramas(arguments.cache)
    print("| layout | frames | CPU ms a scene | workers | scenes a second |")
    print("|---|---|---|---|---|")
    for layout, count in (("srgb", 3), ("srgb", 5), ("raw", 5)):
        side = arguments.size
        settings = SceneSettings(size=(side, side), counts=(count,), layout=layout)
        spent = processor_time(panoramas, settings, arguments.scenes)
        for workers in arguments.workers:
            stream = SceneStream(panoramas, settings, 1, attrgetter("frames"))
            rate = 1 / wall_time(stream, workers, arguments.scenes)
            print(f"| {layout} | {count} | {1e3 * spent:.1f} | {workers} | {rate:.0f} |")


if __name__ == "__main__":
    main()
