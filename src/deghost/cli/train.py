"""`deghost train`: train a network by a recipe, or go on with a run."""

from collections.abc import Mapping
from dataclasses import field as dataclass_field
from dataclasses import fields, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from cyclopts import Parameter

from deghost.cli.options import Quiet
from deghost.cli.training_checks import check_effect, check_numbers, option_of
from deghost.errors import SettingsError
from deghost.train.settings import DeviceName, TrainSettings


def _overrides() -> type:
    """A class whose fields are those of `TrainSettings`, all of them None: leave as it is."""
    hints = get_type_hints(TrainSettings)
    options = [
        (
            f.name,
            Annotated[hints[f.name] | None, Parameter(negative="", help=f.metadata["help"])],
            dataclass_field(default=None),
        )
        for f in fields(TrainSettings)
    ]
    return make_dataclass("Overrides", options, frozen=True, namespace={"__module__": __name__})


Overrides: Any = _overrides()

Name = Annotated[str | None, Parameter(help="Recipe; without one, they are listed.")]
Out = Annotated[Path | None, Parameter(name="--out", help="Folder of the run, new or begun.")]
Panoramas = Annotated[
    Path | None, Parameter(help="Folder of HDR panoramas for the simulator: .exr, .hdr, .npy.")
]
Scenes = Annotated[Path | None, Parameter(help="Folder of scenes in a layout, instead.")]
LayoutName = Annotated[str | None, Parameter(name="--layout", help="Layout. [default: detected]")]
Validation = Annotated[
    Path | None, Parameter(help="Panoramas, or scenes, to validate on. [default: some set aside]")
]
Workers = Annotated[int, Parameter(help="Processes that make scenes; 0 for none besides this.")]
Device = Annotated[DeviceName, Parameter(help="Where to train; auto takes a GPU if there is one.")]
Size = Annotated[
    tuple[int, int] | None, Parameter(name="--size", help="Width and height of simulated scenes.")
]
Begin = Annotated[
    Path | None,
    Parameter(help="Weights to start from; of a motion U-Net for the motion networks inside."),
]
Vgg16 = Annotated[
    Path | None, Parameter(name="--vgg16", help="VGG-16's weights, for a perceptual loss.")
]
GroupName = Annotated[
    str | None, Parameter(name="--group", help="Group of trainings that make one table, instead.")
]
Rows = Annotated[
    tuple[str, ...],
    Parameter(consume_multiple=True, negative="", help="Rows of the group. [default: all]"),
]
Printed = Annotated[
    bool, Parameter(name="--print", negative="", help="Print the recipe and do nothing.")
]


def train(
    recipe: Name = None,
    /,
    *,
    out: Out = None,
    panoramas: Panoramas = None,
    scenes: Scenes = None,
    layout: LayoutName = None,
    validation: Validation = None,
    workers: Workers = 0,
    device: Device = "auto",
    size: Size = None,
    begin: Begin = None,
    vgg16: Vgg16 = None,
    group: GroupName = None,
    rows: Rows = (),
    print_recipe: Printed = False,
    changes: Annotated[Overrides, Parameter(name="*")] = None,
    quiet: Quiet = False,
) -> None:
    """Train a network by a recipe; the same command again goes on after an interruption.

    Start several processes, on several GPUs, by
    `torchrun --nproc-per-node N -m deghost train RECIPE ...`.
    """
    given = _given(locals())
    check_effect(recipe, given)
    from deghost.cli.allocator import keep_freed_memory
    from deghost.cli.terminal import print_json, say
    from deghost.cli.training import find, list_groups, list_recipes, run, run_rows, sized, started
    from deghost.train.folders import Folders
    from deghost.train.recipe import described

    wanted = _wanted(changes)
    folders = Folders(panoramas, scenes, layout, validation, workers)
    if group is not None:
        if recipe is not None or out is None:
            raise SettingsError("a --group has recipes of its own and needs --out DIR")
        check_numbers(replace(TrainSettings(), **wanted), workers, size)
        keep_freed_memory()
        run_rows(group, rows, wanted, folders, out, device, quiet=quiet)
        return
    if recipe is None:
        say(list_recipes())
        say(list_groups())
        return
    chosen = find(recipe)
    settings = replace(chosen.settings, **wanted)
    check_numbers(settings, workers, size)
    chosen = started(sized(replace(chosen, settings=settings), size), begin, vgg16)
    if print_recipe:
        print_json(described(chosen))
        return
    if out is None:
        raise SettingsError("say where the run belongs: --out DIR")
    keep_freed_memory()
    run(chosen, folders, out, device, quiet=quiet)


def _wanted(changes: Any) -> dict[str, Any]:
    """The settings that are to be changed."""
    found = {f.name: getattr(changes, f.name) for f in fields(Overrides)} if changes else {}
    return {name: value for name, value in found.items() if value is not None}


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that decides what is trained, by the names of the options."""
    others = ("recipe", "workers", "device", "changes", "quiet")
    own = {name: value for name, value in parameters.items() if name not in others}
    own["print"] = own.pop("print_recipe")
    found = {**own, **_wanted(parameters["changes"])}
    return {option_of(name): value for name, value in found.items()}
