import torch

from deghost.layers.reconstructor import BracketBatch, pack_srgb6
from deghost.models.vam import VAM, VAMConfig
from deghost.train.brackets import TruthBatch
from deghost.train.losses_vam import vam_loss


def test_predictions_below_zero_still_learn():
    """The loss compares what is predicted before anything is clipped, so no gradient dies."""
    exposures = torch.tensor([[1.0, 4.0, 16.0]])
    frames = pack_srgb6(torch.rand(1, 3, 3, 16, 16), exposures)
    truth = torch.rand(1, 3, 16, 16)
    batch = TruthBatch(BracketBatch(frames, exposures, 1, torch.ones(1, 3, 16, 16)), truth)
    for config in (VAMConfig(), VAMConfig("linear", "linear")):
        network = VAM(config).eval()
        with torch.no_grad():
            network.refinement.last.weight.zero_()
            network.refinement.last.bias.fill_(-5)

        loss = vam_loss(network, batch, config)
        loss.backward()

        assert network(batch.bracket).radiance.eq(0).all()
        assert network.refinement.last.bias.grad.abs().min() > 0
