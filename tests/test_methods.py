"""Every alignment loss: by hand in plain floats, against TRL on the same batch, at extremes, and its parameters."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from honne import plugins
from honne.align.method import Batch, Method, nll
from honne.errors import ConfigError

torch = pytest.importorskip("torch", reason="the losses need torch")

TEN = ("dpo", "rdpo", "ipo", "slic", "kto", "exo", "nca", "sppo", "aot", "aot-unpaired")
EXTRAS = ("bco", "apo-zero", "orpo", "simpo", "safedpo", "sft")


def method(name: str) -> Method:
    found = plugins.load("methods", name)
    assert isinstance(found, Method) and found.name == name
    return found


def loss(name: str, batch: Batch, **given: Any) -> Any:
    found = method(name)
    return found.loss(batch, **found.settings(given))


def make(seed: int = 0, rows: int = 5, scale: float = 1.0) -> Batch:
    """A batch of log-probabilities as a model near its reference has them; leaves with gradients."""
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(2, 20, (2, rows), generator=g)
    ref = -torch.rand(2, rows, generator=g) * 2 * tokens
    now = ref + scale * torch.randn(2, rows, generator=g)
    now = now.clamp(max=-0.01).clone()
    chosen, rejected = now[0].clone().requires_grad_(), now[1].clone().requires_grad_()
    unsafe = torch.rand(2, rows, generator=g) < 0.5
    return Batch(
        chosen,
        rejected,
        tokens[0],
        tokens[1],
        ref[0],
        ref[1],
        chosen_unsafe=unsafe[0],
        rejected_unsafe=unsafe[1],
        mismatched=torch.randn(rows, generator=g) + 0.5,
    )


def test_all_methods_are_there_and_say_what_they_are() -> None:
    assert set(plugins.names("methods")) >= {*TEN, *EXTRAS}
    for name in plugins.names("methods"):
        found = method(name)
        assert found.title and found.url.startswith("https://")
    assert [n for n in (*TEN, *EXTRAS) if not method(n).bounded_below] == ["rdpo"]
    assert [n for n in (*TEN, *EXTRAS) if method(n).whole_batch] == ["kto", "aot", "aot-unpaired"]
    assert [n for n in (*TEN, *EXTRAS) if not method(n).needs_reference] == ["orpo", "simpo", "sft"]
    assert [n for n in (*TEN, *EXTRAS) if not method(n).paired] == ["kto", "bco", "apo-zero", "sft"]


# ----------------------------------------------------------------------- by hand


def s(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def ls(x: float) -> float:
    return -math.log1p(math.exp(-x))


Row = dict[str, float]
PER_ROW: dict[str, tuple[dict[str, float | bool], Callable[[Row], float]]] = {
    "dpo": ({"beta": 0.2}, lambda r: -ls(0.2 * r["m"])),
    "rdpo": ({"beta": 0.2, "epsilon": 0.1}, lambda r: (-0.9 * ls(0.2 * r["m"]) + 0.1 * ls(-0.2 * r["m"])) / 0.8),
    "ipo": ({"beta": 0.2}, lambda r: (r["w"] / r["nw"] - r["l"] / r["nl"] - 2.5) ** 2),
    "slic": ({"beta": 0.7}, lambda r: max(0.0, 1 - 0.7 * r["m"])),
    "exo": (
        {"beta": 0.2, "epsilon": 0.01},
        lambda r: (
            s(0.2 * r["m"]) * (ls(0.2 * r["m"]) - math.log(0.99))
            + s(-0.2 * r["m"]) * (ls(-0.2 * r["m"]) - math.log(0.01))
        ),
    ),
    "nca": ({"beta": 0.2}, lambda r: -ls(0.2 * r["w"]) - 0.5 * ls(-0.2 * r["w"]) - 0.5 * ls(-0.2 * r["l"])),
    "sppo": ({"beta": 0.2}, lambda r: (r["w"] - 2.5) ** 2 + (r["l"] + 2.5) ** 2),
    "apo-zero": ({"beta": 0.2}, lambda r: 1 - s(0.2 * r["w"]) + s(0.2 * r["l"])),
    "bco": ({"beta": 0.2, "shift": False}, lambda r: -ls(0.2 * r["w"]) - ls(-0.2 * r["l"])),
    "orpo": (
        {"beta": 0.3},
        lambda r: (
            -0.3
            * ls(
                math.log(math.exp(r["pw"] / r["nw"]) / (1 - math.exp(r["pw"] / r["nw"])))
                - math.log(math.exp(r["pl"] / r["nl"]) / (1 - math.exp(r["pl"] / r["nl"])))
            )
        ),
    ),
    "simpo": ({"beta": 2.0, "gamma": 0.5}, lambda r: -ls(2 * (r["pw"] / r["nw"] - r["pl"] / r["nl"]) - 0.5)),
    "safedpo": (
        {"beta": 0.2, "delta": 3.0},
        lambda r: {
            (0, 0): -ls(0.2 * r["m"]),
            (0, 1): -ls(0.2 * r["m"] - 3),
            (1, 0): -ls(-0.2 * r["m"] - 3),
            (1, 1): 0.0,
        }[int(r["uw"]), int(r["ul"])],
    ),
}


def plain(batch: Batch) -> list[Row]:
    """The batch as rows of Python floats."""
    assert batch.ref_chosen is not None and batch.ref_rejected is not None
    columns = {
        "pw": batch.chosen,
        "pl": batch.rejected,
        "rw": batch.ref_chosen,
        "rl": batch.ref_rejected,
        "nw": batch.chosen_tokens,
        "nl": batch.rejected_tokens,
        "uw": batch.chosen_unsafe,
        "ul": batch.rejected_unsafe,
    }
    values = {k: v.detach().tolist() for k, v in columns.items() if v is not None}
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    for row in rows:
        row["w"], row["l"] = row["pw"] - row["rw"], row["pl"] - row["rl"]
        row["m"] = row["w"] - row["l"]
    return rows


def near(found: Any, wanted: list[float]) -> None:
    assert found.detach().tolist() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", PER_ROW)
@pytest.mark.parametrize("seed", range(4))
def test_a_loss_of_each_row_by_hand(name: str, seed: int) -> None:
    given, by_hand = PER_ROW[name]
    batch = make(seed, rows=12)
    near(loss(name, batch, **given), [by_hand(row) for row in plain(batch)])


def test_one_pair_in_numbers() -> None:
    """One pair: log-ratios 2 and -1 (margin 3), 4 and 5 tokens, β = 0.1 unless said."""
    one = Batch(
        torch.tensor([-6.0]), torch.tensor([-9.0]), torch.tensor([4]), torch.tensor([5]),
        torch.tensor([-8.0]), torch.tensor([-8.0]), mismatched=torch.tensor([-4.0, -2.0]),
    )  # fmt: skip
    wanted = {
        "dpo": [0.5543552],
        "rdpo": [0.9 / 0.8 * 0.5543552 - 0.1 / 0.8 * 0.8543552],
        "ipo": [(2 / 4 + 1 / 5 - 5) ** 2],
        "slic": [0.7],
        "kto": [0.4501660, 0.4750208],
        "nca": [0.5981389 + 0.7981389 / 2 + 0.6443967 / 2],
        "sppo": [9 + 16],
        "aot": [0.5543552],
        "aot-unpaired": [0.5543552],
        "apo-zero": [0.4501660 + 0.4750208],
    }
    for name, value in wanted.items():
        near(loss(name, one), value)
    near(loss("ipo", one, normalise=False), [4.0])
    near(nll(one), [6 / 4])


def test_kto_counts_answers_and_clamps_its_reference_point() -> None:
    batch = make(3, rows=4)
    for mean in (0.7, -0.7):
        shifted = replace(batch, mismatched=torch.tensor([mean - 1, mean + 1]))
        z = max(0.0, mean)
        rows = plain(batch)
        wanted = [1.5 * (1 - s(0.1 * (r["w"] - z))) for r in rows] + [0.5 * (1 - s(0.1 * (z - r["l"]))) for r in rows]
        near(loss("kto", shifted, desirable_weight=1.5, undesirable_weight=0.5), wanted)
    masks = {"has_chosen": torch.tensor([True, False, True, False]), "has_rejected": torch.tensor([False, True] * 2)}
    everything = loss("kto", batch).tolist()
    alone = loss("kto", replace(batch, **masks)).tolist()
    assert alone == [everything[i] for i in (0, 2, 5, 7)]


def test_aot_sorts_what_it_says() -> None:
    batch = make(1, rows=7)
    rows = plain(batch)
    paired = zip(sorted(r["pw"] - r["pl"] for r in rows), sorted(r["rw"] - r["rl"] for r in rows), strict=True)
    near(loss("aot", batch), [-ls(0.1 * (a - b)) for a, b in paired])
    unpaired = list(zip(sorted(r["w"] for r in rows), sorted(r["l"] for r in rows), strict=True))
    smooth = [-0.8 * ls(0.1 * (a - b)) - 0.2 * ls(-0.1 * (a - b)) for a, b in unpaired]
    near(loss("aot-unpaired", batch, epsilon=0.2), smooth)
    # the sort is over the whole batch: the mean of two halves is another number
    far = make(1, rows=6, scale=20.0)
    for name in ("aot", "aot-unpaired"):
        halves = [loss(name, _part(far, part)).mean().item() for part in (slice(0, 3), slice(3, 6))]
        assert abs(sum(halves) / 2 - loss(name, far).mean().item()) > 1e-4


def _part(batch: Batch, part: slice) -> Batch:
    return Batch(**{k: None if v is None else v[part] for k, v in vars(batch).items()})


def test_bco_follows_the_mean_reward() -> None:
    found, batch = method("bco"), make(2)
    settings = found.settings({"beta": 0.5, "decay": 0.75})
    assert found.shift is not None
    near(found.loss(batch, **settings), [-ls(0.5 * r["w"]) - ls(-0.5 * r["l"]) for r in plain(batch)])
    rows = plain(batch)
    mean = 0.25 * sum(r["w"] + r["l"] for r in rows) / len(rows)
    first = found.shift(None, batch, **settings)
    assert first.item() == pytest.approx(mean, rel=1e-5) and not first.requires_grad
    then = found.shift(torch.tensor(4.0), batch, **settings)
    assert then.item() == pytest.approx(3 + 0.25 * mean, rel=1e-5)
    wanted = [-ls(0.5 * r["w"] - 4) - ls(-(0.5 * r["l"] - 4)) for r in rows]
    near(found.loss(replace(batch, shift=torch.tensor(4.0)), **settings), wanted)
    # rows with one answer: their own term, and a mean over the kind that is there
    nothing = torch.zeros(5, dtype=torch.bool)
    only = replace(batch, has_rejected=nothing, rejected=torch.full((5,), -123.0))
    near(found.loss(only, **settings), [-ls(0.5 * r["w"]) for r in rows])
    assert found.shift(None, only, **settings).item() == pytest.approx(0.5 * sum(r["w"] for r in rows) / 5, rel=1e-5)
    assert found.shift(None, replace(only, has_chosen=nothing), **settings).item() == 0


def test_nll_is_the_mean_over_tokens_also_in_parts() -> None:
    batch = make(4, rows=6)
    wanted = -sum(batch.chosen.tolist()) / sum(batch.chosen_tokens.tolist())
    assert nll(batch).mean().item() == pytest.approx(wanted, rel=1e-6)
    mean = batch.chosen_tokens.float().mean()
    parts = [nll(_part(batch, part), mean).mean().item() for part in (slice(0, 3), slice(3, 6))]
    assert sum(parts) / 2 == pytest.approx(wanted, rel=1e-6)
    some = replace(batch, has_chosen=torch.tensor([True, True, False, False, True, True]))
    kept = [0, 1, 4, 5]
    wanted = -sum(batch.chosen[kept].tolist()) / sum(batch.chosen_tokens[kept].tolist())
    assert nll(some).mean().item() == pytest.approx(wanted, rel=1e-6)
    assert loss("sft", batch).tolist() == [0.0] * 6 and method("sft").sft_weight == method("orpo").sft_weight == 1


# ------------------------------------------------------------------- properties


@pytest.mark.parametrize("name", [*TEN, *EXTRAS])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e2, 1e4])
def test_losses_and_gradients_are_finite_at_extremes(name: str, size: float) -> None:
    if name == "sft":
        return
    for sign in (1.0, -1.0):
        policy = [torch.full((3,), -size - 1e-9 if k * sign > 0 else -1e-9).requires_grad_() for k in (1, -1)]
        tokens, ref = torch.tensor([1, 2, 300]), torch.full((3,), -size / 2)
        unsafe = torch.tensor([False, True, True])
        batch = Batch(*policy, tokens, tokens, ref, ref, chosen_unsafe=unsafe, rejected_unsafe=~unsafe, mismatched=ref)
        losses = loss(name, batch)
        losses.mean().backward()
        assert torch.isfinite(losses).all()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in policy)


def _moved(batch: Batch, chosen: float, rejected: float) -> Batch:
    return replace(batch, chosen=batch.chosen + chosen, rejected=batch.rejected + rejected)


@pytest.mark.parametrize("name", ["dpo", "slic", "aot", "aot-unpaired", "kto", "bco", "apo-zero", "orpo", "simpo"])
def test_a_better_margin_never_costs_more(name: str) -> None:
    """Raising the chosen answer or lowering the rejected one never raises these losses."""
    for seed in range(5):
        batch = make(seed)
        batch = _moved(batch, -5.0, -5.0)  # room below certainty
        here = loss(name, batch).sum().item()
        assert loss(name, _moved(batch, 0.3, 0.0)).sum().item() <= here
        assert loss(name, _moved(batch, 0.0, -0.3)).sum().item() <= here


@pytest.mark.parametrize("name", ["dpo", "rdpo", "slic", "exo", "aot"])
def test_what_moves_both_answers_alike_changes_nothing(name: str) -> None:
    """These see the margin only: the fall of both likelihoods costs nothing."""
    batch = make(5)
    near(loss(name, _moved(batch, -2.0, -2.0)), loss(name, batch).tolist())


def test_relations_between_methods() -> None:
    batch = make(6)
    near(loss("rdpo", batch, epsilon=0), loss("dpo", batch).tolist())
    safe = torch.zeros(5, dtype=torch.bool)
    near(loss("safedpo", replace(batch, chosen_unsafe=safe, rejected_unsafe=safe)), loss("dpo", batch).tolist())
    one = _part(replace(batch, mismatched=None), slice(0, 1))
    near(loss("aot", one), loss("dpo", one).tolist())
    # rDPO has no lower bound, DPO has
    far = _moved(batch, 1e5, 0.0)
    assert loss("rdpo", far).mean().item() < -100 and loss("dpo", far).mean().item() >= 0


def test_nca_holds_the_chosen_answer() -> None:
    """Its minimum is at β r_w = log 2, where DPO would go on for ever."""
    batch = replace(make(7, rows=1), chosen=torch.tensor([-5.0]), ref_chosen=torch.tensor([-5.0]))
    at = {r: loss("nca", _moved(batch, r / 0.1, 0.0)).item() for r in (0.0, math.log(2), 3.0)}
    assert at[math.log(2)] < at[0.0] and at[math.log(2)] < at[3.0]


# ------------------------------------------------------------------- parameters


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("dpo", {"beta": "0"}, "dpo: beta=0 must be a number above 0"),
        ("dpo", {"beta": "nan"}, "dpo: beta=nan must be a number above 0"),
        ("dpo", {"beta": "inf"}, "must be a number above 0"),
        ("dpo", {"beta": "x"}, "dpo: beta=x must be a number above 0"),
        ("dpo", {"beta": True}, "must be a number"),
        ("dpo", {"bta": 1}, "Did you mean 'beta'"),
        ("rdpo", {"epsilon": 0.5}, "rdpo: epsilon=0.5 must be a number at least 0 and below 0.5"),
        ("exo", {"epsilon": 0}, "exo: epsilon=0 must be a number above 0 and below 0.5"),
        ("kto", {"desirable_weight": -1}, "must be a number at least 0"),
        ("bco", {"decay": 1}, "must be a number at least 0 and below 1"),
        ("ipo", {"normalise": "maybe"}, "ipo: normalise=maybe must be true or false"),
        ("sft", {"beta": 1}, "unknown parameter 'beta'"),
    ],
)
def test_a_wrong_parameter_is_one_clear_line(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        method(name).settings(given)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_parameters_are_read_from_text() -> None:
    assert method("ipo").settings({"normalise": "no", "beta": "0.5"}) == {"beta": 0.5, "normalise": False}
    assert method("rdpo").settings({}) == {"beta": 0.1, "epsilon": 0.1}


# --------------------------------------------------------------------------- TRL


def _tokens(total: Any, lengths: Any, width: int) -> Any:
    """Per-token log-probabilities (B, width) that sum to `total` (B,) over each row's last `lengths` tokens."""
    place = torch.arange(width)
    mask = place >= width - lengths[:, None]
    return mask * (total / lengths)[:, None], torch.cat((torch.zeros(len(total), 1, dtype=torch.bool), mask), 1)


class _Trainer(SimpleNamespace):
    """What TRL's loss code reads of its trainer: one process, no router, no logging."""

    def __init__(self, **more: Any) -> None:
        same = SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x)
        model = SimpleNamespace(training=True)
        metrics: Any = {"train": defaultdict(list)}
        common = {
            "aux_loss_enabled": False,
            "ld_alpha": None,
            "use_weighting": False,
            "f_divergence_type": "reverse_kl",
        }
        super().__init__(
            accelerator=same, model=model, _metrics=metrics, loss_weights=[1.0], precompute_ref_logps=True,
            _total_train_tokens=0, _tp_size=1, **common, **more,
        )  # fmt: skip


def _outputs(log_probs: Any) -> Callable[..., Any]:
    rest = {k: torch.zeros_like(log_probs) for k in ("entropy", "mean_logits")}
    outputs = SimpleNamespace(log_probs=log_probs, is_top1=torch.zeros_like(log_probs, dtype=torch.bool), **rest)
    return lambda **_: outputs


def trl_paired(batch: Batch, loss_type: str, beta: float, smoothing: float) -> float:
    """The loss that TRL's DPO trainer computes from these log-probabilities."""
    trl = pytest.importorskip("trl", reason="TRL, the oracle of this test, is not installed: pip install trl")
    width = int(torch.stack((batch.chosen_tokens, batch.rejected_tokens)).max())
    halves = [
        _tokens(batch.chosen.detach(), batch.chosen_tokens, width),
        _tokens(batch.rejected.detach(), batch.rejected_tokens, width),
    ]
    log_probs, mask = (torch.cat([half[i] for half in halves]) for i in (0, 1))
    inputs = {
        "input_ids": torch.zeros_like(mask, dtype=torch.long),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_chosen_logps": batch.ref_chosen,
        "ref_rejected_logps": batch.ref_rejected,
    }
    trainer = _Trainer(loss_types=[loss_type], beta=beta, label_smoothing=smoothing)
    return float(trl.DPOTrainer._compute_loss(trainer, _outputs(log_probs), inputs, False))


TRL_NAMES: list[tuple[str, str, dict[str, Any]]] = [
    ("dpo", "sigmoid", {}),
    ("rdpo", "robust", {"epsilon": 0.1}),
    ("ipo", "ipo", {}),
    ("slic", "hinge", {}),
    ("exo", "exo_pair", {"epsilon": 0.001}),
    ("nca", "nca_pair", {}),
    ("sppo", "sppo_hard", {}),
    ("aot", "aot", {"epsilon": 0.0}),
    ("aot", "aot", {"epsilon": 0.2}),
    ("aot-unpaired", "aot_unpaired", {"epsilon": 0.0}),
    ("aot-unpaired", "aot_unpaired", {"epsilon": 0.2}),
    ("bco", "bco_pair", {"shift": False}),
    ("apo-zero", "apo_zero", {}),
]


@pytest.mark.parametrize(("name", "loss_type", "given"), TRL_NAMES)
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_trl_agrees(name: str, loss_type: str, given: dict[str, Any], beta: float) -> None:
    for seed in range(4):
        batch = make(seed, rows=8, scale=3.0)
        wanted = trl_paired(batch, loss_type, beta, given.get("epsilon", 0.0))
        assert loss(name, batch, beta=beta, **given).mean().item() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_trl_agrees_on_sft() -> None:
    batch = make(1, rows=8)
    assert nll(batch).mean().item() == pytest.approx(trl_paired(batch, "sft", 0.1, 0.0), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_trl_agrees_on_kto(seed: int) -> None:
    trl = pytest.importorskip("trl", reason="TRL, the oracle of this test, is not installed: pip install trl")
    batch = make(seed, rows=6, scale=3.0)
    assert batch.mismatched is not None and batch.ref_chosen is not None and batch.ref_rejected is not None
    good = torch.tensor([True, False, True, True, False, False])
    now = torch.where(good, batch.chosen, batch.rejected).detach()
    ref = torch.where(good, batch.ref_chosen, batch.ref_rejected)
    lengths = torch.where(good, batch.chosen_tokens, batch.rejected_tokens)
    log_probs, mask = _tokens(now, lengths, int(lengths.max()))
    inputs = {
        "label": good,
        "input_ids": torch.zeros_like(mask, dtype=torch.long),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_logps": ref,
        "ref_KL_logps": ref,
    }
    trainer = _Trainer(
        loss_type="kto", beta=0.1, calculate_KL=True, desirable_weight=1.3, undesirable_weight=0.8,
        _compute_kl_logps=lambda model, batch_: ref + batch.mismatched,
    )  # fmt: skip
    wanted = float(trl.KTOTrainer._compute_loss(trainer, _outputs(log_probs), inputs, False))
    ours = replace(batch, has_chosen=good, has_rejected=~good)
    found = loss("kto", ours, desirable_weight=1.3, undesirable_weight=0.8).mean().item()
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_trl_agrees_on_orpo_and_simpo() -> None:
    pytest.importorskip("trl", reason="TRL, the oracle of this test, is not installed: pip install trl")
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

    batch = make(2, rows=8)
    means = [
        (batch.chosen / batch.chosen_tokens).detach(),
        (batch.rejected / batch.rejected_tokens).detach(),
    ]
    cpu = SimpleNamespace(device="cpu")
    orpo = ORPOTrainer.odds_ratio_loss(SimpleNamespace(beta=0.2, accelerator=cpu), *means)[0]
    near(loss("orpo", batch, beta=0.2), (-orpo).tolist())
    trainer = SimpleNamespace(
        beta=2.0, alpha=0.0, loss_type="simpo", simpo_gamma=0.7, label_smoothing=0.0, accelerator=cpu
    )
    near(loss("simpo", batch, beta=2.0, gamma=0.7), CPOTrainer.cpo_loss(trainer, *means)[0].tolist())
