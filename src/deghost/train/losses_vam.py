"""What training of `vam` makes small."""

from jaxtyping import Float
from torch import Tensor, nn

from deghost.models.vam import VAMConfig, learned_values
from deghost.train.brackets import TruthBatch


def vam_loss(
    network: nn.Module,
    batch: TruthBatch,
    config: VAMConfig = VAMConfig(),  # noqa: B008
) -> Float[Tensor, ""]:
    """Compare the values predicted, not the radiance, by their mean absolute difference.

    High Dynamic Range Imaging via Visual Attention Modules, eq. 16. Nothing is clipped: that would
    end the gradient wherever a prediction is below 0. `config` is the network's.
    """
    predicted = network(batch.bracket).maps["predicted"]
    return (predicted - learned_values(batch.truth, batch.bracket, config)).abs().mean()
