"""Damage of any kind is seen, and training falls back to what is whole."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from training_recipe import CONFIG, build_model, ingredients, result_of, run

from asrtrain.errors import CheckpointError
from asrtrain.features import FEATURES
from asrtrain.training import TrainingConfig, has_checkpoint, load_weights, read_metadata
from asrtrain.training.checkpoint import load_training
from asrtrain.training.manifest import read_folder, write_folder
from asrtrain.training.store import CheckpointStore

NEWEST = "checkpoints/last-00003-000000012"
MATRIX = "encoder.layers.0.forwards.weight_hh_l0"
OLDER = "checkpoints/last-00002-000000010"


@pytest.fixture
def trained(straight: Path, tmp_path: Path) -> Path:
    """A copy of the run that may be harmed."""
    return Path(shutil.copytree(straight, tmp_path / "run", symlinks=True))


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def flipped(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :]


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize(("damage", "times"), [(truncated, 25), (flipped, 250)])
def test_every_damage_to_every_file_is_seen(trained, name, damage: Callable[[bytes, random.Random], bytes], times):
    folder, chance = trained / NEWEST, random.Random(0)
    load_training(folder)
    whole = (folder / name).read_bytes()
    for _ in range(times):
        (folder / name).write_bytes(damage(whole, chance))
        with pytest.raises(CheckpointError, match=NEWEST):
            load_training(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_damage_to_weights_that_are_used_is_seen(trained, name, fsdd, cache):
    parts = ingredients(fsdd, cache, TrainingConfig(batch_size=8))
    for kind in ("best", "last", "average"):
        folder, chance = trained / "checkpoints" / kind, random.Random(1)
        load_weights(folder, parts.model, parts.front_end)
        whole = (folder / name).read_bytes()
        for _ in range(20):
            (folder / name).write_bytes(flipped(whole, chance))
            with pytest.raises(CheckpointError):
                load_weights(folder, parts.model, parts.front_end)


def harm(run_folder: Path, file: str) -> None:
    path = run_folder / file
    path.write_bytes(flipped(path.read_bytes(), random.Random(2)))


def unfinish(run_folder: Path) -> None:
    """As if it had been killed at the end of epoch 2: nothing of epoch 3 is there."""
    for newer in ("last-00003-000000012", "epoch-00003", "average-00003", "average"):
        path = run_folder / "checkpoints" / newer
        path.unlink() if path.is_symlink() else shutil.rmtree(path)


@pytest.mark.parametrize("file", ["model.safetensors", "state.safetensors", "state.json", "manifest.json"])
def test_training_falls_back_says_so_and_ends_bit_identical(trained, straight, cache, fsdd, file, capsys):
    harm(trained, f"{NEWEST}/{file}")
    run(trained, cache, fsdd)
    said = capsys.readouterr().err
    assert f"{NEWEST} is damaged" in said
    assert "falling back to the checkpoint before it" in said
    assert "continuing at epoch 3, step 10" in said
    assert result_of(trained) == result_of(straight)
    assert "falling back" in (trained / "log.txt").read_text()


def test_of_several_processes_one_alone_repairs_what_they_all_read(trained):
    harm(trained, f"{NEWEST}/model.safetensors")

    def lies_there() -> dict[str, int]:
        return {str(path): path.lstat().st_ino for path in (trained / "checkpoints").rglob("*")}

    store, before, said = CheckpointStore(trained, keep=2), lies_there(), list[str]()
    read = store.newest(said.append, {}, repairs=False)
    assert lies_there() == before
    repaired = store.newest(said.append, {})
    assert not (trained / NEWEST).exists()
    assert (trained / "checkpoints" / "last").resolve() == trained / OLDER
    assert read is not None
    assert repaired is not None
    assert read[1]["progress"] == repaired[1]["progress"]
    assert len(said) == 2


def test_damaged_weights_of_an_epoch_that_is_needed_later_are_made_again(trained, straight, cache, fsdd, capsys):
    # The newest checkpoint speaks of epoch 3, the one before it does not: it is made again from there.
    harm(trained, "checkpoints/epoch-00003/model.safetensors")
    run(trained, cache, fsdd)
    assert "epoch-00003 is damaged" in capsys.readouterr().err
    assert result_of(trained) == result_of(straight)


def test_a_save_that_was_interrupted_is_no_checkpoint(trained, straight, cache, fsdd, capsys):
    (trained / NEWEST / "manifest.json").unlink()
    run(trained, cache, fsdd)
    assert "is incomplete: saving it was interrupted" in capsys.readouterr().err
    assert result_of(trained) == result_of(straight)


def test_a_missing_file_is_seen(trained):
    (trained / NEWEST / "state.json").unlink()
    with pytest.raises(CheckpointError, match=r"state\.json: there is no such file"):
        load_training(trained / NEWEST)


def test_no_whole_checkpoint_is_an_error_and_not_a_new_beginning(trained, cache, fsdd):
    for folder in (NEWEST, OLDER):
        harm(trained, f"{folder}/model.safetensors")
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole") as caught:
        run(trained, cache, fsdd)
    assert caught.value.exit_code == 5


def test_a_first_save_that_was_interrupted_is_a_new_beginning(straight, cache, fsdd, tmp_path):
    leftover = tmp_path / "checkpoints" / "last-00000-000000001"
    write_folder(leftover, {"model.safetensors": b"half"})
    (leftover / "manifest.json").unlink()
    (tmp_path / "metrics.jsonl").write_text('{"kind": "ste')
    assert not has_checkpoint(tmp_path)
    run(tmp_path, cache, fsdd)
    assert not leftover.exists()
    assert result_of(tmp_path) == result_of(straight)


def test_leftovers_are_cleared(trained, cache, fsdd):
    before = result_of(trained)
    (trained / "checkpoints" / "last-00001-000000004").mkdir()
    (trained / "checkpoints" / ".best.partial").touch()
    (trained / "checkpoints" / ".last.partial").symlink_to("nowhere")
    run(trained, cache, fsdd)
    assert result_of(trained) == before
    assert not {".best.partial", ".last.partial", "last-00001-000000004"} & {
        entry.name for entry in (trained / "checkpoints").iterdir()
    }


def test_logs_shorter_than_the_checkpoint_knew_them_are_an_error(trained, cache, fsdd):
    unfinish(trained)
    (trained / "metrics.csv").write_text("kind\n")
    with pytest.raises(CheckpointError, match=r"metrics\.csv is shorter than when the checkpoint was saved"):
        run(trained, cache, fsdd)


def test_logs_that_cannot_be_read_are_an_error(trained, cache, fsdd):
    metrics = trained / "metrics.jsonl"
    metrics.write_bytes(b"{" + metrics.read_bytes()[1:].replace(b"step", b"stop"))
    with pytest.raises(CheckpointError, match=r"metrics\.jsonl is damaged"):
        run(trained, cache, fsdd)


def test_so_many_checkpoints_are_kept_and_all_are_whole(straight, cache, fsdd, tmp_path):
    run(tmp_path, cache, fsdd, keep_checkpoints=3, checkpoint_interval=1, average=0)
    folders = sorted(path.name for path in (tmp_path / "checkpoints").iterdir() if not path.is_symlink())
    assert folders == ["epoch-00003", "last-00002-000000010", "last-00002-000000011", "last-00003-000000012"] or (
        folders[-3:] == ["last-00002-000000010", "last-00002-000000011", "last-00003-000000012"]
    )
    for name in folders:
        read_folder(tmp_path / "checkpoints" / name)


def test_what_can_be_used_loads_and_says_what_it_is(straight, fsdd, cache):
    parts = ingredients(fsdd, cache, TrainingConfig(batch_size=8))
    expected = {"best": "epoch-00003", "last": "last-00003-000000012", "average": "average-00003"}
    for name, target in expected.items():
        folder = straight / "checkpoints" / name
        assert folder.resolve().name == target
        metadata = load_weights(folder, parts.model, parts.front_end)
        assert metadata == read_metadata(folder)
        assert (metadata["epoch"], metadata["step"], metadata["model"]) == (3, 12, {"name": "gru"})
    best = read_metadata(straight / "checkpoints" / "best")["development"]
    assert best["metric_name"] == "error rate"


def test_metadata_is_readable_in_the_file_itself(straight):
    path = straight / "checkpoints" / "best" / "model.safetensors"
    with safe_open(path, "pt") as file:
        metadata = json.loads(file.metadata()["asrtrain"])
        assert "front_end.normalisation." in set(file.keys())
    assert metadata["model"] == {"name": "gru"}
    assert b'\\"epoch\\": 3' in path.read_bytes()


def test_the_best_is_the_moving_average_that_was_validated(straight, fsdd, cache):
    parts = ingredients(fsdd, cache, TrainingConfig(batch_size=8))
    load_weights(straight / "checkpoints" / "best", parts.model, parts.front_end)
    parts.model.eval()
    with torch.no_grad():
        validation = parts.validate(parts.model)
    assert read_metadata(straight / "checkpoints" / "best")["development"]["loss"] == validation.loss
    last = load_training(straight / NEWEST)
    assert torch.equal(parts.model.state_dict()[MATRIX], last[2]["average"][MATRIX])


def test_weights_of_another_model_are_refused(straight):
    front_end = FEATURES["log_mel"](sample_rate=8000, n_mels=16, normalise="global").build()
    other = build_model({"name": "gru", "hidden_size": 20}, 16)
    with pytest.raises(CheckpointError, match="was saved by another model"):
        load_weights(straight / "checkpoints" / "best", other, front_end)


def test_weights_alone_are_nothing_to_continue_from(straight):
    with pytest.raises(CheckpointError, match="no training state to continue from"):
        load_training(straight / "checkpoints" / "epoch-00003")


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_what_is_whole_but_no_weights_is_refused(tmp_path, content):
    write_folder(tmp_path / "weights", {"model.safetensors": content})
    with pytest.raises(CheckpointError, match=r"model\.safetensors cannot be read"):
        read_metadata(tmp_path / "weights")
    files = {"model.safetensors": content, "state.safetensors": content, "state.json": b"{}"}
    write_folder(tmp_path / "all", files)
    with pytest.raises(CheckpointError, match="all cannot be read"):
        load_training(tmp_path / "all")


def test_there_has_to_be_a_checkpoint(tmp_path):
    model = build_model({"name": "softmax"}, 16)
    with pytest.raises(CheckpointError, match="there is no checkpoint"):
        load_weights(tmp_path / "best", model, FEATURES["log_mel"](sample_rate=8000).build())


def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path):
    write_folder(tmp_path / "a", {"x": b"1"})
    text = (tmp_path / "a" / "manifest.json").read_text()
    (tmp_path / "a" / "manifest.json").write_text(text.replace('"x"', '"../a/x"'))
    with pytest.raises(CheckpointError, match="is damaged"):
        read_folder(tmp_path / "a")


# One entry for everything that must survive: where it lies in the saved state, and another value for it.
PARTS: dict[str, tuple[str, ...]] = {
    "weights": (),
    "optimizer moments": ("optimizer", "state", MATRIX, "exp_avg"),
    "optimizer step": ("optimizer", "state", MATRIX, "step"),
    "schedule": ("schedule", "best"),
    "schedule scale": ("schedule", "scale"),
    "clipper history": ("clipper", "state", "0.all/ring"),
    "clipper count": ("clipper", "state", "0.all/seen"),
    "weight average": ("average", MATRIX),
    "generator": ("generators", "0", "cpu"),
    "epoch": ("progress", "epoch"),
    "batch": ("progress", "batch"),
    "step": ("progress", "step"),
    "steps taken": ("steps_taken",),
    "kept epochs": ("progress", "kept"),
    "best epoch": ("progress", "best"),
}


def other_value(value: Any) -> Any:
    """Another value of the same kind, the smallest change that there is for numbers."""
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.uint8:
            return torch.get_rng_state()
        return torch.nan_to_num(value) * 0.5 + 1 if value.is_floating_point() else value + 1
    if isinstance(value, list):
        return value[:-1]
    if isinstance(value, dict):
        return None
    return value * 0.5 if isinstance(value, float) else value + 1


def resume_with(run_folder: Path, cache: Path, fsdd: Path, change: Callable[[Any, Any], None]) -> bool:
    """Continue from a changed state that verifies; returns whether it was refused."""
    from asrtrain.training import checkpoint, store

    folder = run_folder / OLDER
    weights, _, state = checkpoint.load_training(folder)
    change(weights, state)
    shutil.rmtree(folder)
    metadata = {"model": {"name": "gru"}, "epoch": 2, "step": 10, "development": None}
    checkpoint.save_training(folder, weights, state, metadata)
    (run_folder / "checkpoints" / "last").unlink()
    store.point(run_folder / "checkpoints" / "last", folder)
    try:
        run(run_folder, cache, fsdd)
    except CheckpointError:
        return True
    return False


def test_a_state_saved_again_unchanged_continues_exactly(trained, straight, cache, fsdd):
    unfinish(trained)
    assert not resume_with(trained, cache, fsdd, lambda weights, state: None)
    assert result_of(trained) == result_of(straight)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_forgotten(trained, straight, cache, fsdd, part):
    """A part of the state that is lost is refused; one that is another makes another result."""
    unfinish(trained)

    def change(weights: Any, state: Any) -> None:
        if not PARTS[part]:
            weights[MATRIX] = other_value(weights[MATRIX])
            return
        *way, last = PARTS[part]
        for key in way:
            state = state[key]
        state[last] = other_value(state[last])

    assert resume_with(trained, cache, fsdd, change) or result_of(trained) != result_of(straight)


LOST = [
    ("optimizer",), ("optimizer", "state"), ("optimizer", "groups"), ("schedule",), ("schedule", "scale"),
    ("clipper",), ("clipper", "state", "0.all/ring"), ("loss_scale",), ("average",), ("average", MATRIX),
    ("generators",),
    ("generators", "0"), ("generators", "0", "cpu"), ("set_aside",), ("steps_taken",), ("logs",),
    ("progress",), ("progress", "epoch"), ("progress", "batch"),
    ("progress", "step"), ("progress", "stale_epochs"), ("progress", "best"), ("progress", "kept"),
    ("progress", "faults"),
]  # fmt: skip


@pytest.mark.parametrize("way", LOST, ids=".".join)
def test_a_lost_part_is_refused(trained, cache, fsdd, way):
    unfinish(trained)

    def change(weights: Any, state: Any) -> None:
        for key in way[:-1]:
            state = state[key]
        del state[way[-1]]

    assert resume_with(trained, cache, fsdd, change)


def test_the_loss_scale_survives(cache, fsdd, tmp_path):
    run(tmp_path, cache, fsdd, precision="fp16", max_epochs=1, checkpoint_interval=None)
    folder = next((tmp_path / "checkpoints").glob("last-*"))
    assert load_training(folder)[2]["loss_scale"]["scale"] == 65536.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"ema": None}, "training.ema was switched"), ({"precision": "fp16"}, "does not fit this configuration")],
)
def test_another_configuration_is_refused(trained, cache, fsdd, changes, message):
    with pytest.raises(CheckpointError, match=message):
        run(trained, cache, fsdd, **changes)


def test_another_optimizer_is_refused(trained, cache, fsdd):
    from training_recipe import CPU

    from asrtrain.training import train

    config = TrainingConfig(**CONFIG)
    parts = ingredients(fsdd, cache, config, optimizer={"name": "sgd", "lr": 0.1})
    with pytest.raises(CheckpointError, match="the optimiser's groups were"):
        train(parts, config, trained, seed=7, device=CPU, metadata={})
