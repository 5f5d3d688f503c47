"""The state of a training on disk: weights that are trained, the optimizer's moments, and where it stands.

Tensors are kept as safetensors, the rest as JSON: nothing that could run code when it is read. The JSON is replaced
last and names its tensors' file, so a kill at any instant leaves the old state or the new one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from honne.engine.journal import write_atomic
from honne.errors import TrainingError

__all__ = ["load_weights", "read_state", "restore", "save", "save_weights", "weights"]

_NAME = "checkpoint.json"


def weights(scorer: Any) -> dict[str, Any]:
    """The trained weights, whole, on the CPU; every process has to call it, the main one gets them."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    how = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    return {k: v.detach().clone().contiguous() for k, v in get_model_state_dict(scorer, options=how).items()}


def _moments(scorer: Any, optimizer: Any) -> dict[str, Any]:
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

    how = StateDictOptions(full_state_dict=True, cpu_offload=True, ignore_frozen_params=True)
    state = get_optimizer_state_dict(scorer, optimizer, options=how).get("state", {})
    return {f"{kind}/{name}": v.contiguous() for name, of in state.items() for kind, v in of.items()}


def save(folder: Path, scorer: Any, optimizer: Any, state: dict[str, Any], *, main: bool) -> None:
    """Write the state of step `state["step"]`. Every process has to call it; the main one writes."""
    from safetensors.torch import save as packed

    held = {f"weights/{k}": v for k, v in weights(scorer).items()} | _moments(scorer, optimizer)
    if not main:
        return
    tensors = f"checkpoint-{state['step']}.safetensors"
    write_atomic(folder / tensors, packed(_apart(held)))
    write_atomic(folder / _NAME, json.dumps({**state, "tensors": tensors}).encode())
    for old in folder.glob("checkpoint-*.safetensors"):
        if old.name != tensors:
            old.unlink(missing_ok=True)


def _apart(held: dict[str, Any]) -> dict[str, Any]:
    """Tensors that share memory (tied embeddings) kept once under each name."""
    seen: set[int] = set()
    out = {}
    for name, tensor in held.items():
        out[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return out


def read_state(folder: Path) -> dict[str, Any] | None:
    """The JSON of the last state, None where there is none. Raises TrainingError for a damaged one."""
    path = folder / _NAME
    try:
        found = json.loads(path.read_bytes())
        found["step"], found["tensors"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise TrainingError(f"{path} cannot be read ({type(e).__name__}): delete it to begin again") from None
    return dict(found)


def restore(folder: Path, state: dict[str, Any], scorer: Any, optimizer: Any) -> None:
    """Set weights and moments to those of `state`. Raises TrainingError for a damaged file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch.distributed.checkpoint.state_dict import (
        StateDictOptions,
        set_model_state_dict,
        set_optimizer_state_dict,
    )

    path = folder / Path(state["tensors"]).name
    try:
        held = load_file(path)
    except (OSError, SafetensorError) as e:
        raise TrainingError(f"{path} cannot be read ({type(e).__name__}): delete {_NAME} to begin again") from None
    mine = {k.removeprefix("weights/"): v for k, v in held.items() if k.startswith("weights/")}
    moments: dict[str, dict[str, Any]] = {}
    for key, value in held.items():
        kind, _, name = key.partition("/")
        if kind != "weights":
            moments.setdefault(name, {})[kind] = value
    how = StateDictOptions(full_state_dict=True, strict=False, ignore_frozen_params=True)
    set_model_state_dict(scorer, mine, options=how)
    group = {k: v for k, v in optimizer.param_groups[0].items() if k != "params"}
    named = [n for n, p in scorer.named_parameters() if p.requires_grad]
    known = [n for n in (_clean(n) for n in named) if n in moments]
    whole = {"state": moments, "param_groups": [{**group, "params": known}]}
    set_optimizer_state_dict(scorer, optimizer, whole, options=how)


def _clean(name: str) -> str:
    return name.removeprefix("module.").replace("_checkpoint_wrapped_module.", "")


def save_weights(path: Path, held: dict[str, Any]) -> None:
    """The best weights so far."""
    from safetensors.torch import save as packed

    write_atomic(path, packed(_apart(held)))


def load_weights(path: Path, scorer: Any) -> None:
    """Set the trained weights to those of a file."""
    from safetensors.torch import load_file
    from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

    set_model_state_dict(scorer, load_file(path), options=StateDictOptions(full_state_dict=True, strict=False))
