"""One process or many: Accelerate's processes and wrappers, and torch's own sharding where it has none.

Accelerate shards on accelerators only: asked for FSDP on CPUs it falls back to DDP without a word. There `fully_shard`
of torch does it, and what is in force is recorded. FSDP on GPUs and DeepSpeed (stages 1 and 2, without checkpoints) are
configurations of Accelerate's that no test runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from honne.errors import ConfigError, Stopped, TrainingError

__all__ = ["Processes"]

# The highest norm of a step's gradient.
CLIP = 1.0
# Seconds in which a launcher ends what is left of a training that lost a process.
_LAST = 5.0


class Processes:
    """All processes of this training; every one runs the same code on the same data and takes its share of a batch.

    `wrapper` says what joins them: `none`, `DDP`, `FSDP` (of Accelerate), `fully_shard` (torch, on CPUs), `DeepSpeed`.
    Raises TrainingError where a launcher asked for several processes that Accelerate did not join.
    """

    def __init__(self, *, device: str | None, precision: str, lora: bool) -> None:
        import torch
        from accelerate import Accelerator
        from accelerate.utils import DistributedType

        named = torch.device(device).type if device else None
        usable = torch.accelerator.is_available()
        if named not in (None, "cpu") and not usable:
            raise ConfigError(f"--device {device}: there is no such device here; cpu is")
        on_cpu = named == "cpu" or not usable
        launched = int(os.environ.get("WORLD_SIZE", "1"))
        fast = not on_cpu and _has_bfloat16(torch)
        if precision == "bfloat16" and not fast:
            raise ConfigError(
                "--precision bfloat16: this device has no bfloat16 in hardware, float32 is faster and exact"
            )
        if launched > 1 and "LOCAL_RANK" not in os.environ:  # it would wait for the others for half an hour
            raise TrainingError(
                f"WORLD_SIZE is {launched}, and no launcher says which of them this process is (LOCAL_RANK): "
                "accelerate launch --multi_gpu --num_processes N"
            )
        # Otherwise all but the first would hold placeholders, and how a model is best fed is tried on its weights.
        os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = "false"
        self.half = fast and precision != "float32"
        self._accelerator = Accelerator(cpu=on_cpu, mixed_precision="bf16" if self.half else "no")
        self.count: int = self._accelerator.num_processes
        self.rank: int = self._accelerator.process_index
        if launched != self.count or ("MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ):
            raise TrainingError(
                f"the launcher meant several processes and {self.count} runs: "
                "accelerate launch --multi_gpu --num_processes N, which joins CPUs as well"
            )
        kind = self._accelerator.distributed_type
        if kind == DistributedType.FSDP and not self._accelerator.is_fsdp2:
            raise TrainingError("FSDP of version 1 cannot give its weights back in parts: --fsdp_version 2")
        if kind == DistributedType.DEEPSPEED and self._accelerator.deepspeed_plugin.zero_stage > 2:
            raise TrainingError(
                "DeepSpeed's stage 3 shards the weights: FSDP (--use_fsdp --fsdp_version 2) does that here"
            )
        self._shard = (
            os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"
            and kind != DistributedType.FSDP
            and self.count > 1
        )
        names = {DistributedType.FSDP: "FSDP", DistributedType.DEEPSPEED: "DeepSpeed"}
        self.wrapper = "fully_shard" if self._shard else names.get(kind, "DDP" if self.count > 1 else "none")
        # With the base model frozen its weights may be stored in half precision; a full training needs them whole.
        self.weights = torch.bfloat16 if self.half and lora else torch.float32
        # A model that is to be sharded does not fit on one device.
        self.start_device = "cpu" if self.wrapper == "FSDP" else self._accelerator.device

    @property
    def main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @property
    def device(self) -> Any:
        return self._accelerator.device

    @property
    def whole(self) -> bool:
        """Whether every process holds the whole model, so that it can be asked outside of the training's forward."""
        return self.wrapper in ("none", "DDP", "DeepSpeed")

    @property
    def resumable(self) -> bool:
        """Whether the optimizer's state can be kept and set: DeepSpeed has its own, which is pickled."""
        return self.wrapper != "DeepSpeed"

    @property
    def lacks(self) -> list[str]:
        """What is not done under this wrapper, in words."""
        found = []
        if not self.whole:
            found.append(f"{self.wrapper}: no process can generate alone, so replies are not watched")
        if not self.resumable:
            found.append("DeepSpeed: no checkpoints; what is broken off begins anew")
        return found

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Around the work: an exchange that fails because another process ended is one line, not a bug."""
        try:
            yield
        except RuntimeError as e:
            if self.count == 1 or not _is_of_exchange(e):
                raise
            time.sleep(_LAST)  # what ended the other says more; the launcher ends this one
            raise Stopped(
                "another process of this training ended; the same command goes on from the last checkpoint"
            ) from None

    def wrap(self, scorer: Any, optimizer_of: Any) -> tuple[Any, Any]:
        """The scorer joined with those of the other processes, and the optimizer of its parameters."""
        import torch

        model = scorer.model.get_base_model() if hasattr(scorer.model, "peft_config") else scorer.model
        layers = {type(module).__name__ for module in model.modules()} & set(model._no_split_modules or ())
        if self._shard:
            from torch.distributed.device_mesh import init_device_mesh
            from torch.distributed.fsdp import fully_shard

            mesh = init_device_mesh(torch.device(self.device).type, (self.count,))
            for module in list(scorer.modules()):
                if type(module).__name__ in layers:
                    fully_shard(module, mesh=mesh)
            fully_shard(scorer, mesh=mesh)
            return scorer, optimizer_of(scorer)
        if self.wrapper == "none":
            return scorer, optimizer_of(scorer)
        # Accelerate asks the module that it wraps for these; of one without them only the root would be sharded.
        scorer._no_split_modules, scorer.config = sorted(layers), model.config.get_text_config()
        scorer.get_input_embeddings = model.get_input_embeddings
        scorer.get_output_embeddings = model.get_output_embeddings
        if self.wrapper == "DeepSpeed":
            # the size of a part matters to its throughput report alone; the clipping is done by DeepSpeed itself
            told = self._accelerator.deepspeed_plugin.deepspeed_config
            told |= {"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 1, "gradient_clipping": CLIP}
        wrapped, optimizer = self._accelerator.prepare(scorer, optimizer_of(scorer))
        return wrapped, optimizer

    def plain(self, wrapped: Any) -> Any:
        """The scorer inside the wrapper."""
        return wrapped if self._shard else self._accelerator.unwrap_model(wrapped)

    @contextmanager
    def pass_of(self, wrapped: Any, last: bool) -> Iterator[None]:
        """Around forward and backward of a part of a step; gradients are exchanged with the last part alone."""
        if self._shard:
            wrapped.set_requires_gradient_sync(last)
            yield
        elif last or self.count == 1:
            self._accelerator.gradient_state._set_sync_gradients(True)
            yield
        else:
            with self._accelerator.no_sync(wrapped):
                self._accelerator.gradient_state._set_sync_gradients(False)
                yield

    def autocast(self) -> Any:
        return self._accelerator.autocast()

    def backward(self, loss: Any) -> None:
        """Backward of this process's part of the loss. The wrappers average over processes; the loss is a sum."""
        self._accelerator.backward(loss * self.count)

    def clipped(self, wrapped: Any) -> float | None:
        """Bound the norm of the gradient by `CLIP`; it is returned where it is known."""
        import torch

        if self.wrapper in ("FSDP", "DeepSpeed"):
            norm = self._accelerator.clip_grad_norm_(wrapped.parameters(), CLIP)
            return None if norm is None else float(norm)
        norm = torch.nn.utils.clip_grad_norm_(wrapped.parameters(), CLIP)
        return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)

    def gather(self, found: Any) -> list[Any]:
        """What each process found, in their order, on every process."""
        if self.count == 1:
            return [found]
        import torch.distributed as dist

        out: list[Any] = [None] * self.count
        dist.all_gather_object(out, found)
        return out

    def wait(self) -> None:
        self._accelerator.wait_for_everyone()

    def agreed(self, value: Any) -> Any:
        """The main process's value, on every process."""
        return self.gather(value if self.main else None)[0]


def _has_bfloat16(torch: Any) -> bool:
    # emulated bfloat16 is slower than float32 and less exact
    return bool(torch.cuda.is_available() and torch.cuda.get_device_capability()[0] >= 8)


def _is_of_exchange(error: RuntimeError) -> bool:
    import torch.distributed as dist

    return isinstance(error, dist.DistError) or "gloo" in str(error)
