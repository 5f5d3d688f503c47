"""The model as a function from a pass to the log-probabilities of its answers, and how it is best fed.

The module wraps the model whole, so that DDP, FSDP and DeepSpeed see one forward call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from honne.align.training._examples import Example
from honne.align.training._packing import Layout, Pass, fill
from honne.errors import TrainingError

if TYPE_CHECKING:
    import torch

__all__ = ["TOLERANCE", "layout_for", "scorer"]

# How far a token's log-probability may be from that of its answer asked alone, in float32.
TOLERANCE = 1e-4
# In lower precision the order of sums alone moves it by more.
_COARSE = 0.1
# Logits held at once where the vocabulary is large: beyond it they are computed twice, a part at a time.
_LOGITS = 1 << 26


def scorer(model: Any, layout: Layout) -> torch.nn.Module:
    """A module whose forward takes the fields of a `Pass` and returns log π of each answer, float32 (answers,)."""
    import torch
    from torch.nn.functional import cross_entropy
    from torch.utils.checkpoint import checkpoint

    base = model.get_base_model() if hasattr(model, "peft_config") else model

    class Scorer(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, ids: Any, position: Any, mask: Any, row: Any, column: Any, target: Any, owner: Any, answers: int
        ) -> Any:
            told = self.tokens(ids, position, mask, row, column, target)
            return told.new_zeros(answers).index_add(0, owner, told)

        def tokens(self, ids: Any, position: Any, mask: Any, row: Any, column: Any, target: Any) -> Any:
            """The log-probability of every answer's token, (T,)."""
            fed = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
            if mask.dim() == 4:
                fed["position_ids"] = position
            if layout.whole:
                return -cross_entropy(self.model(**fed).logits[row, column].float(), target, reduction="none")
            hidden = base.base_model(**fed).last_hidden_state[row, column]
            head = base.get_output_embeddings()

            def part(some: Any, wanted: Any) -> Any:
                return -cross_entropy(head(some).float(), wanted, reduction="none")

            most = max(1, _LOGITS // base.config.get_text_config().vocab_size)
            if len(hidden) <= most or not torch.is_grad_enabled():
                return torch.cat([part(h, t) for h, t in zip(hidden.split(most), target.split(most), strict=True)])
            parts = zip(hidden.split(most), target.split(most), strict=True)
            return torch.cat([checkpoint(part, h, t, use_reentrant=False) for h, t in parts])

    return Scorer()


def layout_for(model: Any, examples: Sequence[Example]) -> tuple[Layout, float]:
    """The fastest layout under which the model gives each answer the log-probabilities that it has alone.

    It is tried on a few of the examples. Returns the layout and the largest difference of a token there. Raises
    TrainingError where none will do: then the numbers would depend on what else is in a batch.
    """
    import torch

    few = _few(examples)
    tolerance = TOLERANCE if next(model.parameters()).dtype == torch.float32 else _COARSE
    device = next(model.parameters()).device
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = _alone(model, few, device)
            if not torch.isfinite(alone).all():
                raise TrainingError("the model's log-probabilities are not numbers: are its weights damaged?")
            differences = []
            for layout in _layouts(model):
                found = _difference(model, few, layout, alone, device)
                if found <= tolerance:
                    return layout, found
                differences.append(found)
    finally:
        model.train(was)
    raise TrainingError(
        "the model's log-probabilities depend on what else is in the batch: of the same answers they differ by "
        f"{min(differences):.2g} where {tolerance:g} is allowed"
    )


def _few(examples: Sequence[Example]) -> list[Example]:
    """The longest pair and short ones of which several share a row; pairs with both answers where there are any."""
    order = sorted(examples, key=lambda e: (len(e.answers), e.tokens))
    both = [e for e in order if len(e.answers) == 2] or order
    return [*both[:3], both[len(both) // 2], both[-1]]


def _layouts(model: Any) -> list[Layout]:
    heads = (False, True)
    packed = [] if _own_masks(model.config.get_text_config()) else [(True, True), (True, False)]
    return [Layout(p, s, whole) for p, s in [*packed, (False, False)] for whole in heads]


def _own_masks(config: Any) -> bool:
    """Whether layers see other than what a block mask says: sliding windows, state spaces, linear attention.

    The trial's rows may be shorter than a window, so the configuration is asked.
    """
    kinds = getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    if any("full" not in str(kind) and str(kind) not in ("attention", "global") for kind in kinds):
        return True
    if kinds:
        return False
    window = getattr(config, "sliding_window", None)
    return bool(window) and getattr(config, "use_sliding_window", True) is not False


def _alone(model: Any, examples: Sequence[Example], device: Any) -> Any:
    """The log-probabilities of the answers' tokens, each answer asked alone, without any mask."""
    import torch

    out = []
    for example in examples:
        for answer in example.answers:
            ids = torch.tensor([[*example.prompt, *answer]], device=device)
            logs = model(input_ids=ids, use_cache=False).logits[0, len(example.prompt) - 1 : -1].float()
            out.append(logs.log_softmax(-1).gather(1, torch.tensor(answer, device=device)[:, None])[:, 0])
    return torch.cat(out)


def _difference(model: Any, examples: Sequence[Example], layout: Layout, alone: Any, device: Any) -> float:
    import torch

    made: Pass = fill(examples, layout).to(device)
    try:
        found = scorer(model, layout).tokens(made.ids, made.position, made.mask, made.row, made.column, made.target)
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError):
        return float("inf")  # it takes no such mask, or has no such head
    # a pass sets answers where there is room; the order of one that is asked alone is by its number
    order = torch.argsort(made.owner, stable=True)
    difference = (found[order] - alone).abs().max()
    return float("inf") if not torch.isfinite(difference) else float(difference)
