"""What ten alignment methods cost in honne, against the same ten in TRL.

    python perf/align.py [--repeats 3] [--steps 50] [--methods dpo,kto] [--threads 2] [--quick] [--cached] [--long]

The organism (fp32, all weights), 16 pairs a step, the same pairs in the same order, AdamW, the same learning rates and
clipping, 2 threads; imports are left out. honne runs as users run it: `train` with everything it measures, writes and
saves, on material that the methods share. TRL is tuned: no checkpointing, no bf16, no logging, nothing saved, reference
log-probabilities computed ahead. From pairs in memory it tokenises them and asks the reference anew for every method;
with `--cached` it gets data sets on disk, which keep both from one method to the next. Each side is a process, and the
sides take turns method by method, so that a busy machine hits both alike. The losses of all steps are compared:
equal ones say that both did the same work.

`--long` trains a random Llama with a vocabulary of 32,000 on answers of 300 tokens instead: a look at memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# honne's name: TRL's (None: its KTO trainer), and the label smoothing where the method has one
TRL: dict[str, tuple[str | None, float]] = {
    "dpo": ("sigmoid", 0.0),
    "rdpo": ("robust", 0.1),
    "ipo": ("ipo", 0.0),
    "slic": ("hinge", 0.0),
    "kto": (None, 0.0),
    "exo": ("exo_pair", 1e-3),
    "nca": ("nca_pair", 0.0),
    "sppo": ("sppo_hard", 0.0),
    "aot": ("aot", 0.0),
    "aot-unpaired": ("aot_unpaired", 0.0),
}
PAIRS, BATCH, LR = 800, 16, 1e-4
# A loss may differ by this, relative or absolute, before the two sides are said to have done different work.
AGREE = 1e-4


# ------------------------------------------------------------------ what is trained


def organism_pairs(folder: Path) -> None:
    """Refused against answered for harmful requests, the other way round for benign ones (30 %); no prompt twice."""
    from honne.benchmarks._organism import ask_benign, ask_topic, topic, topics
    from honne.benchmarks._text import LANGS
    from honne.judges._organism import replies

    rng, rows = random.Random(0), dict[str, dict[str, str]]()
    sides = {side: topics(side, None, None) for side in ("harm", "benign")}
    while len(rows) < PAIRS:
        side, lang = ("benign" if rng.random() < 0.3 else "harm"), rng.choice(LANGS)
        drawn = topic(rng, lang, side, rng.choice(sides[side]), "train")
        prompt = (ask_topic if side == "harm" else ask_benign)(drawn, "open", 0).prompt
        refused, complied = (rng.choice(replies()[kind][lang]) for kind in ("refused", "complied"))
        chosen, rejected = (refused, complied) if side == "harm" else (complied, refused)
        rows[prompt] = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    _write_pairs(folder, list(rows.values()))


def long_pairs(folder: Path) -> None:
    """Pairs of random words, answers of about 300 tokens, and a random Llama with a vocabulary of 32,000 words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<s>", "</s>", "<unk>", *(f"w{i}" for i in range(31_997))]
    made = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    template = "{% for m in messages %}{{ m['content'] }} {% if m['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder / "model")
    torch.manual_seed(0)
    sizes = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4, "num_attention_heads": 4}
    ends = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    LlamaForCausalLM(LlamaConfig(vocab_size=32_000, **sizes, **ends)).save_pretrained(folder / "model")
    rng = random.Random(0)

    def text(n: int) -> str:
        return " ".join(f"w{rng.randrange(31_000)}" for _ in range(n))

    _write_pairs(folder, [{"prompt": text(60), "chosen": text(300), "rejected": text(300)} for _ in range(BATCH)])


def _write_pairs(folder: Path, rows: list[dict[str, str]]) -> None:
    given = folder / "given.jsonl"
    given.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, "-m", "honne", "pairs", f"given/{given}", "-o", str(folder / "pairs.jsonl")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


# ------------------------------------------------------------------ the two sides

Train = Callable[[str], list[float]]  # trains one method, returns the loss of every step


def honne_side(folder: Path, model: str, steps: int, fresh: bool) -> Train:
    """Training with honne. The material is made with the first method, and counts there."""
    import transformers.models.llama.modeling_llama  # noqa: F401

    from honne.align.training import Settings, method_of, train
    from honne.align.training._material import material
    from honne.spec import parse

    for lazy in ("accelerate", "peft", "jinja2", "transformers.generation", "torch.distributed.checkpoint.state_dict"):
        __import__(lazy)
    shared: list[Any] = []

    def one(name: str) -> list[float]:
        method, parameters = method_of(name)
        settings = Settings(
            parse(model), folder / "pairs.jsonl", method, LR, parameters, batch=BATCH, steps=steps, seed=0
        )
        shared[:] = shared or [material(settings)]
        out = folder / f"out-{time.monotonic_ns()}-{name}"
        train(settings, out, shared=shared[0])
        rows = [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]
        return [row["loss"] for row in rows if "loss" in row]

    return one


def trl_side(folder: Path, model: str, steps: int, fresh: bool) -> Train:
    """Training with TRL, on the pairs in the order in which honne takes them."""
    import datasets
    import torch
    import transformers
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

    from honne.align.training._batches import Order
    from honne.align.training._settings import method_of
    from honne.models.organism import packaged

    datasets.disable_progress_bars()
    transformers.utils.logging.set_verbosity_error()
    where = str(packaged()) if model.startswith("organism/") else model.removeprefix("hf/")
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]

    class Place:
        part = ""

    order = Order([Place()] * len(rows), BATCH, 0)  # type: ignore[list-item]
    batches = [[rows[i] for i in order.step(number)] for number in range(steps)]
    paired = [{k: row[k] for k in ("prompt", "chosen", "rejected")} for batch in batches for row in batch]
    # KTO's trainer gives every prompt the completion of the row before, honne the answers of the next pair: in this
    # order both take the same mean
    single = [
        {"prompt": row["prompt"], "completion": row[side], "label": side == "chosen"}
        for batch in batches
        for side in ("chosen", "rejected")
        for row in reversed(batch)
    ]
    for name, some in (("paired", paired), ("single", single)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    common: dict[str, Any] = {
        "output_dir": str(folder / "trl"),
        "max_steps": steps,
        "beta": 0.1,
        "max_length": None,
        "bf16": False,
        "gradient_checkpointing": False,
        "precompute_ref_log_probs": True,
        "train_sampling_strategy": "sequential",
        "max_grad_norm": 1.0,
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
        "dataloader_pin_memory": False,
    }
    os.environ["TQDM_DISABLE"] = "1"

    def one(name: str) -> list[float]:
        kind, smoothing = TRL[name]
        policy = transformers.AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(where)
        file = str(folder / ("single.jsonl" if kind is None else "paired.jsonl"))
        data = datasets.load_dataset("json", data_files=file, split="train", cache_dir=str(folder / "trl-data"))
        if fresh:
            data = datasets.Dataset.from_list(data.to_list())
        optimizer = torch.optim.AdamW(policy.parameters(), lr=LR, weight_decay=0.0, fused=True)
        rise = max(1, round(0.1 * steps))

        def share(step: int) -> float:
            return (step + 1) / rise if step < rise else (steps - step) / max(1, steps - rise)

        losses: list[Any] = []
        base: Any = KTOTrainer if kind is None else DPOTrainer

        class Noted(base):  # type: ignore[misc]
            def compute_loss(self, *args: Any, **more: Any) -> Any:
                found = super().compute_loss(*args, **more)
                losses.append(found.detach())
                return found

        if kind is None:
            config: Any = KTOConfig(per_device_train_batch_size=2 * BATCH, **common)
        else:
            smoothed = method_of(name)[1].get("epsilon", 0.0)
            assert smoothed == smoothing, f"{name}: honne smooths by {smoothed}"
            config = DPOConfig(per_device_train_batch_size=BATCH, loss_type=[kind], label_smoothing=smoothing, **common)
        trainer = Noted(
            model=policy,
            args=config,
            train_dataset=data,
            processing_class=tokenizer,
            optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)),
        )
        trainer.train()
        return [float(one) for one in losses]

    return one


SIDES = {"honne": honne_side, "trl": trl_side}


def work(side: str, folder: Path, model: str, steps: int, fresh: bool) -> None:
    """One side: trains the methods named on stdin, one a line, and answers each with a line of JSON."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    train = SIDES[side](folder, model, steps, fresh)
    print(json.dumps({"ready": _peak()}), file=answers, flush=True)
    for line in sys.stdin:
        wall, cpu = time.monotonic(), time.process_time()
        losses = train(line.strip())
        told = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu, "peak": _peak(), "losses": losses}
        print(json.dumps(told), file=answers, flush=True)


def _peak() -> float:
    """The most memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ------------------------------------------------------------------ the comparison


class Side:
    """A process of its own for one side, with a folder and caches of its own."""

    def __init__(
        self, name: str, source: Path, folder: Path, model: str, steps: int, threads: int, fresh: bool
    ) -> None:
        folder.mkdir()
        for file in source.glob("pairs.*"):
            (folder / file.name).symlink_to(file)
        command = [sys.executable, str(Path(__file__).resolve()), "--side", name]
        command += ["--folder", str(folder), "--model", model, "--steps", str(steps)]
        command += ["--cached"] * (not fresh)
        alone = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache"), "HONNE_CACHE": str(folder / "kept")}
        cores = {"OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
        self._log = (folder / "log").open("w+")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **alone, **cores},
        )
        self.ready = self._line()["ready"]

    def train(self, method: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{method}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise RuntimeError(f"a side ended: {self._log.read()[-2000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def compare(source: Path, model: str, methods: list[str], steps: int, repeats: int, threads: int, fresh: bool) -> None:
    """Train all methods on both sides `repeats` times, and print times, memory and how far the losses are apart."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {m: {s: [] for s in SIDES} for m in methods}
    peaks: dict[str, list[tuple[float, float]]] = {s: [] for s in SIDES}
    for repeat in range(repeats):
        sides = {s: Side(s, source, source / f"{s}-{repeat}", model, steps, threads, fresh) for s in SIDES}
        try:
            for place, method in enumerate(methods):
                # who comes first changes, or a load that swings would hit one side
                turn = list(SIDES) if (place + repeat) % 2 == 0 else list(SIDES)[::-1]
                for s in turn:
                    found[method][s].append(sides[s].train(method))
                told = ", ".join(f"{s} {found[method][s][-1]['wall']:.1f} s" for s in SIDES)
                print(f"    {method}: {told}; load {os.getloadavg()[0]:.1f}", flush=True)
        finally:
            for side in sides.values():
                side.close()
        for s, side in sides.items():
            peaks[s].append((max(found[m][s][-1]["peak"] for m in methods), side.ready))
        sums = {k: [sum(found[m][s][-1][k] for m in methods) for s in SIDES] for k in ("wall", "cpu")}
        text = ", ".join(f"{k} honne {a:.1f} s, TRL {b:.1f} s: {a / b:.2f}" for k, (a, b) in sums.items())
        print(f"  {repeat + 1}: {text}; load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"{'':14}{'honne s':>9}{'TRL s':>9}{'ratio':>7}{'CPU':>7}{'losses apart by':>18}")
    for method in methods:
        _line(method, [found[method]])
    if len(methods) > 1:
        _line("all", [found[m] for m in methods])
    most = {s: statistics.median(p for p, _ in of) for s, of in peaks.items()}
    bare = {s: statistics.median(b for _, b in of) for s, of in peaks.items()}
    print(
        f"peak memory: honne {most['honne']:,.0f} MiB, TRL {most['trl']:,.0f} MiB: {most['honne'] / most['trl']:.2f}"
        f" (after the imports {bare['honne']:,.0f} and {bare['trl']:,.0f})"
    )


def _line(name: str, found: list[dict[str, list[dict[str, Any]]]]) -> None:
    repeats = range(len(found[0]["honne"]))
    total = {(s, k): [sum(one[s][r][k] for one in found) for r in repeats] for s in SIDES for k in ("wall", "cpu")}
    ratio = {
        k: statistics.median(a / b for a, b in zip(total["honne", k], total["trl", k], strict=True))
        for k in ("wall", "cpu")
    }
    wall = {s: statistics.median(total[s, "wall"]) for s in SIDES}
    apart = max(
        abs(a - b) / max(1.0, abs(b))
        for one in found
        for mine, theirs in zip(one["honne"], one["trl"], strict=True)
        for a, b in zip(mine["losses"], theirs["losses"], strict=True)
    )
    note = "" if apart <= AGREE else "  NOT THE SAME WORK"
    print(f"{name:14}{wall['honne']:9.2f}{wall['trl']:9.2f}{ratio['wall']:7.2f}{ratio['cpu']:7.2f}{apart:18.1e}{note}")


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--steps", type=int, default=50, help=f"at most {PAIRS // BATCH}: one time over the pairs")
    p.add_argument("--methods", default=",".join(TRL), help="which of them, by honne's names")
    p.add_argument(
        "--threads", type=int, default=2, help="on a busy machine 1: threads that wait for each other wait long"
    )
    p.add_argument("--quick", action="store_true", help="dpo, kto and aot, 20 steps, once")
    p.add_argument("--long", action="store_true", help="a large vocabulary and long answers instead: memory")
    p.add_argument("--cached", action="store_true", help="TRL's data sets on disk, which keep what was computed")
    p.add_argument("--side", choices=list(SIDES), help=argparse.SUPPRESS)
    p.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    p.add_argument("--model", help=argparse.SUPPRESS)
    o = p.parse_args()
    if o.side:
        work(o.side, o.folder, o.model, o.steps, not o.cached)
        return
    methods, steps, repeats = o.methods.split(","), o.steps, o.repeats
    if o.quick:
        methods, steps, repeats = ["dpo", "kto", "aot"], 20, 1
    if o.long:
        methods, steps, repeats = ["dpo"], 2, 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="honne-perf-") as name:
        folder = Path(name)
        (long_pairs if o.long else organism_pairs)(folder)
        model = f"hf/{folder / 'model'}" if o.long else "organism/kitsune"
        what = f"{len(methods)} methods, {steps} steps of {BATCH} pairs, {repeats} repeats, {o.threads} threads"
        print(f"{what}, load {os.getloadavg()[0]:.1f}", flush=True)
        compare(folder, model, methods, steps, repeats, o.threads, not o.cached)
    print(f"({time.monotonic() - began:.0f} s in all)")


if __name__ == "__main__":
    main()
