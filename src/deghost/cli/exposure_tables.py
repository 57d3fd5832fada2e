"""`deghost exposure-tables`: the tables of the exposure segmentation paper, made anew."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from deghost.cli.options import Force, Quiet
from deghost.errors import SettingsError


Panoramas = Annotated[
    Path | None, Parameter(name="--from", help="Folder of HDR panoramas to simulate scenes from.")
]
Held = Annotated[
    Path | None, Parameter(name="--validate-from", help="Panoramas to validate on; needs --from.")
]
Data = Annotated[
    Path | None, Parameter(name="--data", help="Folder of a public data set, instead of --from.")
]
Steps = Annotated[int, Parameter(name="--steps", help="Steps of each of the twelve trainings.")]
Batch = Annotated[int, Parameter(name="--batch", help="Frames in a batch.")]
Size = Annotated[int, Parameter(name="--size", help="Height and width of frames, pixels.")]
Count = Annotated[int, Parameter(name="--scenes", help="Scenes to train on.")]
Out = Annotated[Path | None, Parameter(name="--out", help="New folder for tables and weights.")]


def exposure_tables(  # noqa: PLR0913
    *,
    source: Panoramas = None,
    held: Held = None,
    data: Data = None,
    steps: Steps = 300,
    batch: Batch = 8,
    size: Size = 128,
    scenes: Count = 600,
    out: Out = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Train the exposure U-Nets of the paper, both exposures, three losses, two truths.

    The paper trains 2031 steps of 32 frames of 512 x 512 from 1300 scenes; the defaults are a
    budget for a processor. Tables are printed beside the published ones.
    """
    from deghost.cli.terminal import say
    from deghost.io.atomic import atomic_write, check_target
    from deghost.train.exposure_runs import PoolSource, budget_of, make_pools, save_unets
    from deghost.train.exposure_tables import train_all, write_tables
    from deghost.train.recipes_exposure import unet_trainings, with_budget

    if min(steps, batch, scenes) < 1 or size < 16:
        raise SettingsError("--steps, --batch and --scenes start at 1, --size at 16; give more")
    table = out / "exposure-tables.md" if out else None
    if table:
        table.parent.mkdir(parents=True, exist_ok=True)
        check_target(table, force=force)
    pools = make_pools(PoolSource(source, held, data, size, scenes))
    trainings = [with_budget(training, steps, batch) for training in unet_trainings()]
    results = []
    for result in train_all(trainings, *pools):
        results.append(result)
        if not quiet:
            say(f"{result.training.name}: AVG {result.scores[-1]:.3f}, {result.seconds:.0f} s")
    budget = budget_of(results, pools)
    text = write_tables(results, pools[1], budget)
    say(text)
    if table:
        atomic_write(table, f"{text}\n".encode(), force=force)
        save_unets(results, budget, table.parent)
