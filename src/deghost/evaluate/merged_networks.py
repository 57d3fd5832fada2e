"""Networks within the whole merge as methods of a benchmark: aligned, matched, by tiles."""

from collections.abc import Iterable
from functools import partial
from typing import cast

from deghost.errors import SettingsError, WeightsError
from deghost.evaluate.methods import Method
from deghost.layers.weights import read_header
from deghost.merge.networks import default_weights
from deghost.merge.scenes import merge_scene
from deghost.merge.settings import NETWORKS, MergeSettings, Network
from deghost.models.zoo import find_weights


def merged_networks(words: Iterable[str]) -> dict[str, tuple[Method, str]]:
    """Give the method and the description of words such as `vam=FILE`: network, then weights.

    A network alone has the weights that come with deghost. Methods are named by network and
    checksum, so that other weights are measured anew. Raises SettingsError or WeightsError.
    """
    return dict(_method(*word.partition("=")[::2]) for word in words)


def _method(network: str, weights: str) -> tuple[str, tuple[Method, str]]:
    if network not in NETWORKS:
        raise SettingsError(f"no network {network!r} merges; there are: {', '.join(NETWORKS)}")
    path = find_weights(weights or default_weights(network))
    header = read_header(path)
    if header.name != network:
        raise WeightsError(f"{path.name} is for {header.name}; write {header.name}={weights}")
    settings = MergeSettings(method=cast(Network, network), weights=weights or None)
    told = f" --weights {'/'.join(path.parts[-2:])}" if weights else ""
    method = partial(merge_scene, settings=settings)
    return f"merge-{network}-{header.checksum[:8]}", (method, f"merge --method {network}{told}")
