"""`deghost models`: the trained weights that come with deghost, and what is known of them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from deghost.cli.options import Json
from deghost.cli.terminal import make_table, print_json, say


@dataclass(frozen=True)
class Model:
    """A weights file."""

    name: str
    header: Any  # a WeightsHeader, whose module takes long to import
    parameters: int
    size: int  # bytes


def models(
    name: Annotated[
        str | None, Parameter(help="A model, or a weights file: its whole card. [default: all]")
    ] = None,
    /,
    *,
    json: Json = False,
) -> None:
    """List the trained weights that come with deghost, or print the card of one."""
    from deghost.models.zoo import find_weights, shipped_weights

    if name is None:
        found = [open_model(shipped, path) for shipped, path in shipped_weights().items()]
        if json:
            print_json([summary(model) for model in found])
        else:
            print_models(found)
        return
    model = open_model(name, find_weights(name))
    if json:
        print_json(summary(model))
    else:
        print_card(model)


def open_model(name: str, path: Path) -> Model:
    """Read a weights file and check it. Raises WeightsError."""
    from deghost.layers.weights import read_weights

    weights = read_weights(path)
    return Model(
        name,
        weights.header,
        sum(tensor.numel() for tensor in weights.state.values()),
        path.stat().st_size,
    )


def print_models(found: list[Model]) -> None:
    """Print a line for each model."""
    table = make_table("name", "network", "parameters", "MB", "licence", "first measure",
                       right=("parameters", "MB"))  # fmt: skip
    for model in found:
        card = model.header.card
        measure = next((f"{title}: {value:g}" for title, value in card.metrics.items()), "")
        table.add_row(
            Text(model.name),
            model.header.name,
            f"{model.parameters:,}",
            f"{model.size / 1e6:.2f}",
            Text(card.licence),
            Text(measure),
        )
    say(table)
    say(f"{len(found)} models, {sum(model.size for model in found) / 1e6:.1f} MB in all; "
        "`deghost models NAME` prints a card")  # fmt: skip


def print_card(model: Model) -> None:
    """Print all that a weights file says of itself."""
    header, card = model.header, model.header.card
    settings = ", ".join(f"{key} {value}" for key, value in header.configuration.items())
    lines = {
        "network": f"{header.name} ({settings})",
        "size": f"{model.parameters:,} parameters, {model.size / 1e6:.2f} MB",
        "training data": card.training_data,
        "training": card.training,
        "licence": card.licence,
        "notes": card.notes,
        "checksum": f"SHA-256 {header.checksum}",
    }
    say(Text(model.name))
    for title, value in lines.items():
        if value:
            say(Text(f"  {title}: {value}"))
    for title, number in card.metrics.items():
        say(Text(f"  {title}: {number:g}"))


def summary(model: Model) -> dict[str, Any]:
    """Return what is known of a model as plain data."""
    header = model.header
    return {
        "name": model.name,
        "network": header.name,
        "configuration": dict(header.configuration),
        "parameters": model.parameters,
        "bytes": model.size,
        **asdict(header.card),
        "checksum": header.checksum,
    }
