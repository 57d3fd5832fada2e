"""What a network starts from, where that is not random numbers."""

from pathlib import Path

from torch import nn

from deghost.errors import TrainError, WeightsError
from deghost.models.motion_unet import MotionUNet
from deghost.models.segdeghost import SegDeghost
from deghost.models.zoo import load_network


def begin_from(network: nn.Module, weights: Path) -> None:
    """Start from weights of the same network, or SegDeghost's motion networks from a motion U-Net.

    Raises WeightsError, TrainError if the weights are of another network.
    """
    trained = load_network(weights)
    state = trained.state_dict()
    try:
        if isinstance(network, SegDeghost) and isinstance(trained, MotionUNet):
            network.load_motion(state)
            return
        if type(trained) is type(network):
            network.load_state_dict(state)
            return
    except RuntimeError as error:
        first = " ".join(str(error).split())[:160]
        raise WeightsError(f"{weights.name} does not fit the recipe's network: {first}") from error
    raise TrainError(
        f"{weights.name} is of a {type(trained).__name__}, which cannot start a "
        f"{type(network).__name__}; give weights of the recipe's own network"
    )


def no_motion_weights(network: nn.Module) -> None:
    """Refuse to start SegDeghost's motion networks from random numbers: that is ablation A2."""
    raise TrainError(
        "the motion networks inside start from trained ones: give --begin FILE, such as the "
        "weights of motion-unet@meds or motion-unet-start@simulated"
    )
