"""Whole runs: begun, killed, gone on with, and shared by processes."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from deghost.errors import TrainError, WriteError
from deghost.layers.weights import read_weights
from deghost.models.zoo import load_network
from deghost.train import run as run_module
from deghost.train.beginnings import begin_from
from deghost.train.checkpoint import checkpoints
from deghost.train.logs import opened_log, read_log
from deghost.train.recipe import identity
from deghost.train.run import CHECKPOINTS, ended_early


SCRIPT = Path(__file__).with_name("tiny_run.py")
PLAIN = {"widths": [4, 8], "dropout": 0.0}


def losses(out):
    return {e["step"]: e["loss"] for e in read_log(out) if e["kind"] == "train"}


def start(out, **environment):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(out)], env=environment, stderr=subprocess.PIPE
    )


@pytest.fixture(scope="module")
def unbroken(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken")
    reports = tiny.run(out)
    return out, reports


def test_a_run_learns(unbroken):
    """The loss falls, also on pictures that were not learned from."""
    out, reports = unbroken

    found = losses(out)

    assert found[30] < 0.5 * found[1]
    assert reports[29].measures["loss"] < 0.9 * reports[14].measures["loss"]
    assert [report.step for report in reports] == list(range(1, 31))


def test_the_best_weights_lie_ready(unbroken):
    """The weights of the best validation can be loaded, and know where they come from."""
    out, reports = unbroken

    header = read_weights(out / "weights.safetensors").header
    network = load_network(out / "weights.safetensors")

    best = max(r.measures["iou"] for r in reports if r.measures)
    assert header.card.metrics["validation iou"] == pytest.approx(best)
    assert header.name == "motion-unet"
    assert network(torch.rand(1, 6, 16, 16)).shape == (1, 16, 16)


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tiny, unbroken, tmp_path):
    """After `kill -9` at any moment, the losses that follow are those of an unbroken run."""
    process = start(tmp_path, WAIT="0.01")
    while len(losses(tmp_path)) < 17:
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    done = max(losses(tmp_path))
    last = int(checkpoints(tmp_path / CHECKPOINTS)[-1].stem)

    reports = tiny.run(tmp_path)

    assert done - last <= 5
    assert reports[0].step == last + 1
    assert losses(tmp_path) == losses(unbroken[0])


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "muon"])
def test_every_optimiser_goes_on_from_a_checkpoint(tiny, tmp_path, optimiser):
    """A run in two goes has the losses of a run in one, whatever steps it."""
    settings = {"optimiser": optimiser, "schedule": "constant", "validate_every": 6}
    tiny.run(tmp_path / "one", steps=10, **settings)

    tiny.run(tmp_path / "two", steps=6, **settings)
    tiny.run(tmp_path / "two", steps=10, **settings)

    assert losses(tmp_path / "two") == losses(tmp_path / "one")


def test_what_a_kill_left_half_written_is_no_harm(tiny, unbroken, tmp_path):
    """A temporary file and half a line of the log are cleared away."""
    tiny.run(tmp_path, steps=30, patience=1, validate_every=10)
    for path in checkpoints(tmp_path / CHECKPOINTS)[-1:]:
        whole = path.read_bytes()
        path.with_name(".0123456789abcdef.safetensors").write_bytes(whole[: len(whole) // 2])
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')

    tiny.run(tmp_path, steps=32)

    assert not list((tmp_path / CHECKPOINTS).glob(".*"))
    assert max(losses(tmp_path)) == 32


def test_two_processes_learn_what_one_does(tiny, tmp_path):
    """With the same batch shared by two processes, losses and weights are those of one process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    group["CHANGES"] = json.dumps(PLAIN)
    both = [start(tmp_path / "two", RANK=r, LOCAL_RANK=r, **group) for r in ("0", "1")]
    recipe = replace(tiny.RECIPE, changes={"widths": (4, 8), "dropout": 0.0})
    tiny.run(tmp_path / "one", recipe=recipe)
    told = [process.communicate(timeout=240)[1] for process in both]

    assert [process.returncode for process in both] == [0, 0], told
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert two == pytest.approx(one, rel=1e-4)
    first, second = (
        read_weights(tmp_path / name / "weights.safetensors") for name in ("one", "two")
    )
    for name, tensor in first.state.items():
        assert torch.allclose(tensor, second.state[name], atol=1e-4), name


def test_a_loss_that_is_no_number_ends_the_run(tiny, tmp_path):
    """The message names the step and the last good checkpoint, which stays finite."""

    def poisoned(network, batch):
        return tiny.loss(network, batch) * float("nan")

    recipe = replace(tiny.RECIPE, later=((12, poisoned),))
    with pytest.raises(TrainError, match=r"step 13.*the last good checkpoint is 000000010"):
        tiny.run(tmp_path, recipe=recipe)


def on_a_gpu(network, batch):
    raise torch.OutOfMemoryError("CUDA out of memory")


def on_the_cpu(network, batch):
    return torch.empty(2**50).sum()


@pytest.mark.parametrize("greedy", [on_a_gpu, on_the_cpu])
def test_full_memory_is_told(tiny, tmp_path, greedy):
    """Where a device has no memory left, the user is told to take smaller batches."""
    with pytest.raises(TrainError, match=r"--batch.*no checkpoint was written yet"):
        tiny.run(tmp_path, recipe=replace(tiny.RECIPE, loss=greedy))


def test_a_full_disk_is_told(tiny, tmp_path, monkeypatch):
    """Where a checkpoint does not fit on the disk, the one before is named."""
    from deghost.train import checkpoint

    write = checkpoint.atomic_write

    def full(path, data, *, force):
        if path.name.startswith("000000010"):
            raise WriteError(f"{path.name} does not fit on the disk")
        write(path, data, force=force)

    monkeypatch.setattr(checkpoint, "atomic_write", full)
    with pytest.raises(TrainError, match=r"does not fit.*checkpoint is 000000005"):
        tiny.run(tmp_path)


def test_a_full_disk_is_told_when_the_log_does_not_fit(tiny, tmp_path, monkeypatch):
    """Whatever meets the full disk first, the last good checkpoint is named."""
    from deghost.train.logs import RunLog

    write = RunLog.write

    def full(log, kind, step, numbers):
        if step == 7:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(log, kind, step, numbers)

    monkeypatch.setattr(RunLog, "write", full)
    with pytest.raises(TrainError, match=r"the disk is full.*checkpoint is 000000005"):
        tiny.run(tmp_path)


def test_a_run_is_not_gone_on_with_otherwise(tiny, unbroken, tmp_path):
    """A folder of another learning rate is refused; more steps are welcome."""
    tiny.run(tmp_path, steps=5)

    with pytest.raises(TrainError, match="another learning_rate"):
        tiny.run(tmp_path, learning_rate=0.5)
    assert [report.step for report in tiny.run(tmp_path, steps=7)] == [6, 7]


def test_a_run_that_gets_no_better_stops(tiny, tmp_path):
    """With a patience of two validations, a network that cannot learn is trained for three."""
    reports = tiny.run(tmp_path, learning_rate=1e-12, patience=2, validate_every=3, average=0.0)

    assert reports[-1].step == 9


def test_a_run_that_ended_by_patience_is_finished(tiny, tmp_path):
    """The same command again trains nothing; with more patience it goes on."""
    stuck = {"learning_rate": 1e-12, "validate_every": 3, "average": 0.0}
    tiny.run(tmp_path, patience=2, **stuck)

    assert tiny.run(tmp_path, patience=2, **stuck) == []
    assert ended_early(tmp_path, replace(tiny.RECIPE.settings, patience=2, validate_every=3)) == 9
    assert tiny.run(tmp_path, patience=3, **stuck)[-1].step == 12


def test_a_run_is_not_gone_on_with_on_other_data(tiny, tmp_path):
    """Neither on another training set nor validated on another; the same elsewhere is welcome."""
    known = {"training set": "9 squares", "validation set": "8 squares"}
    begun = replace(tiny.SOURCES, data=known)
    tiny.run(tmp_path, begun, steps=5)

    for name in known:
        others = replace(begun, data={**known, name: "7 circles"})
        with pytest.raises(TrainError, match=rf"another {name} \(\d squares, not 7 circles\)"):
            tiny.run(tmp_path, others, steps=7)
    moved = replace(begun, about="squares, elsewhere")
    assert [report.step for report in tiny.run(tmp_path, moved, steps=6)] == [6]


def test_a_run_is_not_gone_on_with_from_other_weights(tiny, unbroken, tmp_path):
    """A beginning counts by what is in its file, wherever that lies, and cannot come later."""
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes((unbroken[0] / "weights.safetensors").read_bytes())
    weights = (unbroken[0] / "weights.safetensors", copy)
    original, copied = (
        replace(tiny.RECIPE, begin=partial(begin_from, weights=path)) for path in weights
    )
    tiny.run(tmp_path / "fresh", steps=2)
    tiny.run(tmp_path / "begun", recipe=original, steps=2)

    with pytest.raises(TrainError, match=r"another beginning \(none, not weights \w{12}\)"):
        tiny.run(tmp_path / "fresh", recipe=original, steps=3)
    with pytest.raises(TrainError, match="another beginning"):
        tiny.run(tmp_path / "begun", steps=3)
    assert len(tiny.run(tmp_path / "begun", recipe=copied, steps=3)) == 1


def test_runs_that_did_not_note_their_data_go_on(tiny, tmp_path, monkeypatch):
    """A run begun by an older version goes on, and from then on with the same data only."""
    noted = {key: value for key, value in identity(tiny.RECIPE).items() if key != "beginning"}
    monkeypatch.setattr(run_module, "identity", lambda recipe: noted)
    tiny.run(tmp_path, steps=5)
    monkeypatch.undo()

    assert len(tiny.run(tmp_path, replace(tiny.SOURCES, data={"training set": "a"}), steps=6)) == 1
    with pytest.raises(TrainError, match="another training set"):
        tiny.run(tmp_path, replace(tiny.SOURCES, data={"training set": "b"}), steps=7)


def test_what_tensorboard_cannot_write_prints_no_traceback(tmp_path, capsys):
    """The full disk that its thread meets is raised where it can be told, once."""
    board = pytest.importorskip("tensorboard.summary.writer.record_writer")

    def full(writer, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        pytest.MonkeyPatch.context() as patched,
        pytest.raises(OSError, match="No space left"),
        opened_log(tmp_path, -1) as log,
    ):
        patched.setattr(board.RecordWriter, "write", full)
        for step in range(100):
            log.write("train", step, {"loss": 1.0})
            time.sleep(0.01)

    assert capsys.readouterr().err == ""


def test_old_checkpoints_go_but_not_the_best(tiny, tmp_path):
    """The last two and the best are kept."""
    tiny.run(tmp_path, learning_rate=1e-12, validate_every=5, average=0.0)

    kept = [int(path.stem) for path in checkpoints(tmp_path / CHECKPOINTS)]
    assert kept == [5, 25, 30]
