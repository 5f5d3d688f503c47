"""The state of a training on disk: weights that are trained, the optimizer's moments, and where it stands.

Tensors are kept as safetensors, the rest as JSON: nothing that could run code when it is read. The JSON is replaced
last and names its tensors' file, so a kill at any instant leaves the old state or the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from honne.align.training._standing import Standing
from honne.engine.journal import replace_by, temporary, write_atomic
from honne.errors import Stopped, TrainingError

__all__ = ["clear", "load_best", "read_standing", "restore", "save", "save_best", "weights"]

_NAME = "checkpoint.json"


def weights(scorer: Any) -> dict[str, Any]:
    """The trained weights, whole, on the CPU; every process has to call it, the main one gets them."""
    from torch.distributed.checkpoint.state_dict import get_model_state_dict

    found = get_model_state_dict(scorer, options=_gathered())
    return {k: v.detach().clone().contiguous() for k, v in found.items()}


def _moments(scorer: Any, optimizer: Any) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict

    state = get_optimizer_state_dict(scorer, optimizer, options=_gathered()).get("state", {})
    return {f"{kind}/{name}": v.contiguous() for name, of in state.items() for kind, v in of.items()}


def _gathered() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)


def save(folder: Path, scorer: Any, optimizer: Any, at: Standing, *, main: bool) -> None:
    """Write where the training stands. Every process has to call it; the main one writes."""
    held = {f"weights/{k}": v for k, v in weights(scorer).items()} | _moments(scorer, optimizer)
    if not main:
        return
    _write(folder / _tensors(at.step), held)
    write_atomic(folder / _NAME, msgspec.json.encode(at))
    _remove(folder, keep={_tensors(at.step), _best(at.kept)})


def read_standing(folder: Path) -> Standing | None:
    """Where the training stood at its last checkpoint, None where there is none. Raises TrainingError for damage."""
    path = folder / _NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Standing)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise TrainingError(f"{path} cannot be read ({type(e).__name__}): delete it to begin again") from None


def restore(folder: Path, at: Standing, scorer: Any, optimizer: Any) -> None:
    """Set weights and moments to those of `at`. Raises TrainingError for a damaged file."""
    from torch.distributed.checkpoint.state_dict import set_optimizer_state_dict

    mine: dict[str, Any] = {}
    moments: dict[str, dict[str, Any]] = {}
    for key, value in _read(folder / _tensors(at.step)).items():
        kind, _, name = key.partition("/")
        if kind == "weights":
            mine[name] = value
        else:
            moments.setdefault(name, {})[kind] = value
    _set(scorer, mine)
    group = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
    named = [n for n, p in scorer.named_parameters() if p.requires_grad]
    known = [n for n in (_clean(n) for n in named) if n in moments]
    whole = {"state": moments, "param_groups": [{**group, "params": known}]}
    set_optimizer_state_dict(scorer, optimizer, whole, options=_whole())


def _set(scorer: Any, held: dict[str, Any]) -> None:
    from torch.distributed.checkpoint.state_dict import set_model_state_dict

    for module in scorer.modules():
        if hasattr(module, "reshard"):  # a pass without gradient leaves the outermost weights of FSDP gathered
            module.reshard()
    set_model_state_dict(scorer, held, options=_whole())


def _whole() -> Any:
    from torch.distributed.checkpoint.state_dict import StateDictOptions

    return StateDictOptions(full_state_dict=True, strict=False, ignore_frozen_params=True)


def _clean(name: str) -> str:
    return name.removeprefix("module.").replace("_checkpoint_wrapped_module.", "")


def save_best(folder: Path, step: int, held: dict[str, Any]) -> None:
    """Keep the weights of step `step`, the best so far. Those that the last checkpoint speaks of stay until the next:
    a training that goes on from there may need them."""
    last = read_standing(folder)
    _write(folder / _best(step), held)
    _remove(folder, keep={_best(step)} | ({_best(last.kept), _tensors(last.step)} if last else set()))


def load_best(folder: Path, step: int, scorer: Any) -> None:
    """Set the trained weights to those that were kept of step `step`. Raises TrainingError for a damaged file."""
    _set(scorer, _read(folder / _best(step)))


def clear(folder: Path) -> None:
    """Remove all of it: the training is done."""
    (folder / _NAME).unlink(missing_ok=True)
    _remove(folder, keep=set())


def _tensors(step: int) -> str:
    return f"checkpoint-{step}.safetensors"


def _best(step: int) -> str:
    return f"best-{step}.safetensors"


def _remove(folder: Path, keep: set[str]) -> None:
    # a kill may leave what was being written under its temporary name
    patterns = ("checkpoint-*.safetensors", "best-*.safetensors", ".checkpoint*.tmp", ".best-*.tmp")
    for old in (path for pattern in patterns for path in folder.glob(pattern)):
        if old.name not in keep:
            old.unlink(missing_ok=True)


def _write(path: Path, held: dict[str, Any]) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    apart, seen = {}, set()
    for name, tensor in held.items():  # tensors that share memory (tied embeddings) are kept under each name
        apart[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    try:
        replace_by(path, lambda new: save_file(apart, new))
    except SafetensorError as e:  # what it says of a full disk
        temporary(path).unlink(missing_ok=True)
        raise Stopped(f"cannot write {path}: {e}; free some space and run it again") from None


def _read(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (OSError, SafetensorError) as e:
        why = f"{path} cannot be read ({type(e).__name__}): delete {path.with_name(_NAME)} to begin again"
        raise TrainingError(why) from None
