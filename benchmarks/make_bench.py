"""Rebuild deghost-bench and check it against what is recorded.

python benchmarks/make_bench.py --out work/deghost-bench       write all 32 scenes as shards
python benchmarks/make_bench.py                                only check
python benchmarks/make_bench.py --record                       record, after a wanted change
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deghost.data.bench import SEED, bench_scenes, checksum, fingerprint, read_bench_panoramas
from deghost.data.writers import write_shards
from deghost.types import Scene


DATA = Path(__file__).parent / "data"
RECORD = DATA / "bench.json"


def compared(scene: Scene, recorded: dict[str, dict]) -> str:
    """Tell how a scene compares with its record."""
    known = recorded.get(scene.name)
    if known is None:
        return "not recorded"
    if known["truth"] == checksum(scene):
        return "the same bits"
    close = np.allclose(known["fingerprint"], fingerprint(scene), atol=2e-3)
    return "the same, rounded otherwise" if close else "ANOTHER SCENE"


def main() -> None:
    """Read the command line, make the scenes, compare or record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    recorded = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
    record = {}

    def made() -> Iterator[Scene]:
        for scene in bench_scenes(read_bench_panoramas(DATA)):
            record[scene.name] = {"truth": checksum(scene), "fingerprint": fingerprint(scene)}
            print(f"{scene.name:18s} {compared(scene, recorded)}")
            yield scene

    start = time.perf_counter()
    if arguments.out:
        print(write_shards(made(), arguments.out, truth="float", about={"seed": SEED}))
    else:
        for _ in made():
            pass
    print(f"{len(record)} scenes in {time.perf_counter() - start:.1f} s")
    if arguments.record:
        lines = (f' "{name}": {json.dumps(values)}' for name, values in record.items())
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
