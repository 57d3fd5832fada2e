"""Where scenes come from, and how they are shared and told apart."""

import pickle
from dataclasses import dataclass, field, replace
from itertools import islice
from shutil import copytree

import pytest
import torch

from deghost.data.panoramas import pack_panoramas, read_panoramas
from deghost.data.scene_settings import SceneSettings
from deghost.data.synthetic import make_scene
from deghost.data.writers import write_kalantari17, write_shards
from deghost.errors import TrainError
from deghost.train.brackets import as_batch
from deghost.train.fingerprints import panoramas_told, scenes_told
from deghost.train.folders import Folders, open_sources
from deghost.train.processes import Process
from deghost.train.recipes import RECIPES
from deghost.train.recipes_motion import as_pairs
from deghost.train.sources import (
    Reuse,
    SimulatedSource,
    StoredSource,
    fixed_batches,
    stream_batches,
)


SMALL = SceneSettings(size=(40, 48), hold=("tripod",))
CPU = torch.device("cpu")
MOTION = RECIPES["motion-unet@simulated"]


def whole(scene, generator):
    return as_batch(scene)


@pytest.fixture(scope="module")
def simulated(panoramas):
    return SimulatedSource(panoramas, SMALL, 1, whole, 4)


@pytest.fixture(scope="module")
def shards(panoramas, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "scenes"
    write_shards((make_scene(panoramas, SMALL, 5, k) for k in range(20)), folder)
    return folder


def test_a_scene_of_a_number_is_always_the_same(simulated):
    """Made twice, and by a copy that went to another process, it is equal."""
    copy = pickle.loads(pickle.dumps(simulated))

    first, second = simulated.make(7), copy.make(7)

    assert torch.equal(first.bracket.frames, second.bracket.frames)
    assert not torch.equal(first.truth, simulated.make(8).truth)


def test_a_batch_has_one_number_of_frames(panoramas):
    """Where brackets of two to five frames are asked for, those of a batch are alike."""
    settings = replace(SMALL, counts=(2, 3, 5))
    source = SimulatedSource(panoramas, settings, 3, whole, 3)

    stream = stream_batches(source, 0, 3, Process(CPU), 0)
    sizes = {batch.bracket.frames.shape[:2] for batch in islice(stream, 6)}

    assert sizes == {(3, 2), (3, 3), (3, 5)}


def test_processes_share_a_batch(simulated):
    """The parts of two processes, joined, are the batch of one; so with a later start."""
    one = next(stream_batches(simulated, 4, 4, Process(CPU), 0))
    parts = [next(stream_batches(simulated, 4, 4, Process(CPU, r, 2), 0)) for r in (0, 1)]

    assert torch.equal(one.truth, torch.cat([part.truth for part in parts]))
    assert torch.equal(one.truth[0], simulated.make(4).truth[0])


def test_a_batch_must_be_shared_evenly(simulated):
    """Five scenes for two processes are refused, with the remedy."""
    with pytest.raises(TrainError, match="multiple of 2"):
        next(stream_batches(simulated, 0, 5, Process(CPU, 0, 2), 0))


@dataclass
class Counted:
    """A source that notes which scenes it was asked for."""

    made: list = field(default_factory=list)

    def make(self, index):
        self.made.append(index)
        return torch.full((1,), float(index))


def shifted(item, generator):
    return item + 0.5 * generator.random()


def test_scenes_seen_again_are_not_made_again():
    """Every other batch is new, the rest are among the newest three, and each is made once."""
    source, reuse = Counted(), Reuse(sights=2, pool=3, seed=4)

    seen = [b.tolist() for b in islice(stream_batches(source, 0, 2, Process(CPU), 0, reuse), 60)]

    assert source.made == list(range(60))
    assert [b[0] for b in seen[::2]] == list(range(0, 60, 2))
    newest = [2 * (step // 2) for step in range(60)]
    assert all(n - 4 <= b[0] <= n and b[1] == b[0] + 1 for b, n in zip(seen, newest, strict=True))
    assert len({b[0] - n for b, n in zip(seen[1::2], newest[1::2], strict=True)}) == 3


@pytest.mark.parametrize("start", [1, 7, 20])
def test_a_stream_of_scenes_seen_again_can_be_taken_up_anywhere(start):
    """From any step on, batches and their changes are those of a stream from the beginning."""
    reuse = Reuse(sights=3, pool=4, vary=shifted, seed=4)

    whole = list(islice(stream_batches(Counted(), 0, 2, Process(CPU), 0, reuse), 40))
    later = islice(stream_batches(Counted(), 2 * start, 2, Process(CPU), 0, reuse), 40 - start)

    assert torch.equal(torch.stack(whole[start:]), torch.stack(list(later)))
    assert len({tuple(batch.tolist()) for batch in whole}) == 40


def test_an_epoch_goes_once_through_a_folder(shards):
    """Every scene is read once before one is read again, in another order each time."""
    from deghost.data.layouts import open_scenes

    source = StoredSource(open_scenes(shards), 2, lambda scene, generator: scene.name)

    first = [source.make(k) for k in range(20)]
    second = [source.make(k) for k in range(20, 40)]

    assert sorted(first) == sorted(second) == sorted(open_scenes(shards).names)
    assert first != second


def test_scenes_to_validate_on_are_not_learned_from(shards):
    """Of a folder without parts every tenth scene is set aside."""
    recipe = replace(MOTION, prepare=lambda scene, generator: (scene.name,))

    with open_sources(recipe, Folders(scenes=shards)) as sources:
        learned = {sources.training.make(k)[0] for k in range(40)}
        held = {sources.validation.make(k)[0] for k in range(40)}

    assert (len(learned), len(held)) == (18, 2)
    assert sources.validation_scenes == 2
    assert not learned & held


def test_test_scenes_are_refused(panoramas, tmp_path):
    """A folder that is a test set by its name trains nothing."""
    folder = tmp_path / "test"
    write_shards((make_scene(panoramas, SMALL, 5, k) for k in range(2)), folder)

    with (
        pytest.raises(TrainError, match="test has no scenes for training"),
        open_sources(MOTION, Folders(scenes=folder)),
    ):
        pass


def test_scenes_named_for_validation_are_taken(panoramas, shards, tmp_path):
    """All that `deghost simulate` writes is named Training; a user may validate on it all."""
    written = tmp_path / "simulated"
    write_kalantari17((make_scene(panoramas, SMALL, 6, k) for k in range(3)), written)

    with open_sources(MOTION, Folders(scenes=shards, validation=written)) as sources:
        assert sources.validation_scenes == 3
        assert sources.about == "20 scenes in the layout deghost-shards; validated on 3 others"


def test_test_scenes_are_not_validated_on(panoramas, shards, tmp_path):
    """Even if they are named for it; the message offers what leads on."""
    write_shards((make_scene(panoramas, SMALL, 5, k) for k in range(2)), tmp_path / "test")

    with (
        pytest.raises(TrainError, match="test has test scenes only.*leave it out to set some"),
        open_sources(MOTION, Folders(scenes=shards, validation=tmp_path / "test")),
    ):
        pass


def test_panoramas_are_known_by_what_they_show(panoramas, tmp_path):
    """Copied elsewhere they are the same; fewer, others and in another order they are not."""
    pack_panoramas(panoramas, tmp_path)
    told = panoramas_told(panoramas)

    assert told.startswith("2 panoramas ")
    assert panoramas_told(read_panoramas(tmp_path)) == told
    assert len({told, *(panoramas_told(p) for p in (panoramas[::-1], panoramas[:1]))}) == 3


def test_scenes_are_known_by_what_their_files_hold(panoramas, shards, tmp_path):
    """A copy of a folder is the same; as many scenes of another seed are not."""
    from deghost.data.layouts import open_scenes

    copytree(shards, tmp_path / "elsewhere")
    write_shards((make_scene(panoramas, SMALL, 6, k) for k in range(20)), tmp_path / "others")
    told, copied, others = (
        scenes_told(open_scenes(path))
        for path in (shards, tmp_path / "elsewhere", tmp_path / "others")
    )

    assert told == copied
    assert told != others
    assert told[:-13] == others[:-13] == "20 scenes in the layout deghost-shards"


def test_simulated_validation_has_a_seed_of_its_own(panoramas, tmp_path):
    """Panoramas may be the same, the scenes are others, and the same for any training seed."""
    pack_panoramas(panoramas, tmp_path)
    recipes = [
        replace(MOTION, prepare=whole, scenes=SMALL, settings=replace(MOTION.settings, seed=seed))
        for seed in (1, 2)
    ]

    made = []
    for recipe in recipes:
        with open_sources(recipe, Folders(panoramas=tmp_path)) as sources:
            made.append((sources.training.make(0).truth, sources.validation.make(0).truth))

    assert not torch.equal(made[0][0], made[0][1])
    assert not torch.equal(made[0][0], made[1][0])
    assert torch.equal(made[0][1], made[1][1])


@pytest.mark.parametrize(
    ("name", "folders", "told"),
    [
        ("motion-unet@simulated", {}, "--panoramas DIR"),
        ("motion-unet@meds", {"panoramas": "."}, "give --scenes DIR"),
    ],
)
def test_what_is_missing_is_told(panoramas, tmp_path, name, folders, told):
    """Without scenes, or with panoramas for a recipe that simulates nothing, one line says so."""
    pack_panoramas(panoramas, tmp_path)
    chosen = Folders(**{key: tmp_path / value for key, value in folders.items()})

    with pytest.raises(TrainError, match=told), open_sources(RECIPES[name], chosen):
        pass


def test_fixed_batches_hold_all_scenes(simulated):
    """Five scenes in batches of two are two, two and one."""
    assert [len(b.truth) for b in fixed_batches(simulated, 5, 2, 0)] == [2, 2, 1]


def test_pairs_show_the_other_frames_at_the_reference_s_exposure(panoramas):
    """Where nothing moves and nothing clips, both halves of a pair agree."""
    still = replace(SMALL, size=(128, 128), actors=(0, 0), ripples=0.0, light=0.0, blur=0.0)
    clean = replace(still, iso=(100.0, 101.0), bits=(16,), stops=(2.0, 2.1))
    source = SimulatedSource(panoramas, clean, 1, as_pairs)

    batch = source.make(3)
    left, right = batch.pairs[0, :3], batch.pairs[0, 3:]
    seen = (left < 0.9) & (right > 0.02)

    assert batch.pairs.shape == (2, 6, 128, 128)
    assert batch.motion.mean() < 0.01
    assert ((left - right).abs()[seen] / right[seen]).median() < 0.1
