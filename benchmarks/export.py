"""Write every network as an ONNX file, and say how well ONNX Runtime agrees with PyTorch.

python benchmarks/export.py --networks vam segdeghost

Weights are random; sizes other than the one that was traced are compared. A difference of more
than 1e-4 of the values ends the run.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from deghost.models.export import export_onnx
from deghost.models.zoo import NETWORKS, build_network


FORMS: dict[str, tuple[str, dict[str, Any]]] = {  # beside every network as it is
    "segdeghost, any N": ("segdeghost", {"frames": None}),
    "tmrnet, 3 RGB frames": ("tmrnet", {"layout": "srgb6", "frames": 3}),
    "tmrnet x4": ("tmrnet", {"scale": 4}),
}


def main() -> None:
    """Read the command line and print a table."""
    plain: dict[str, tuple[str, dict[str, Any]]] = {name: (name, {}) for name in NETWORKS}
    known = {**plain, **FORMS}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=sorted(known), choices=known)
    print("| network | takes | difference | MB | processor s |\n|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for form in parser.parse_args().networks:
            torch.manual_seed(1)
            name, changes = known[form]
            start = time.process_time()
            made = export_onnx(
                build_network(name, **changes), Path(folder) / "network.onnx", force=True
            )
            seconds = time.process_time() - start
            cells = (form, ", ".join(made.inputs), f"{made.difference:.1e}")
            print(
                f"| {' | '.join(cells)} | {made.size / 1e6:.1f} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
