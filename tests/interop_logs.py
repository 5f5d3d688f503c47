"""Makes the logs that `honne import` reads, with the real packages: run as a process of its own.

    python tests/interop_logs.py inspect DIR      needs inspect-ai
    python tests/interop_logs.py lm-eval DIR      needs lm-eval

Tasks and answers are small and our own, and nothing is fetched. The recorded logs in tests/corpus/interop were made so
(of their results only `pretty_env_info`, which describes the machine, was taken out).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SUMS = 6
# What each of the two epochs answers, and how that ends.
ANSWERS = ["1", "1", "3", "4", "5", "wrong"]
ENDS = ["stop", "max_tokens", "content_filter", "stop", "stop", "stop"]


def inspect_logs(folder: Path) -> None:
    """Four logs in each of the two formats: sums (2 epochs, 3 scorers), choices, failing scorer, long chat input."""
    import inspect_ai as i
    from inspect_ai import dataset, model, scorer, solver

    Score = scorer.Score

    @scorer.scorer(metrics=[scorer.accuracy()])
    def grades() -> Any:
        async def score(state: Any, target: Any) -> Any:
            return Score(value="CIPN"[state.sample_id % 4], explanation=f"grade of {state.sample_id}")

        return score

    @scorer.scorer(metrics={"half": [scorer.mean()], "count": [scorer.mean()], "told": [scorer.mean()]})
    def several() -> Any:
        async def score(state: Any, target: Any) -> Any:
            return Score(value={"half": 0.5, "count": 7, "told": float("nan") if state.sample_id == 0 else 1})

        return score

    @scorer.scorer(metrics=[scorer.accuracy()])
    def failing() -> Any:
        async def score(state: Any, target: Any) -> Any:
            if state.sample_id == 1:
                raise ValueError("the scorer broke")
            return Score(value=True)

        return score

    def replies(texts: list[str], ends: list[str]) -> Any:
        out = []
        for n, (text, end) in enumerate(zip(texts, ends, strict=True)):
            one = model.ModelOutput.from_content("mockllm/model", text, stop_reason=end)  # type: ignore[arg-type]
            one.usage = model.ModelUsage(input_tokens=10 + n, output_tokens=2, total_tokens=12 + n)
            out.append(one)
        return model.get_model("mockllm/model", custom_outputs=out, memoize=False)

    def sums() -> Any:
        asked = [
            dataset.Sample(id=n, input=f"What is {n} plus 1?", target=str(n + 1), metadata={"topic": {"parity": n % 2}})
            for n in range(SUMS)
        ]
        steps = [solver.system_message("Be brief."), solver.generate()]
        scorers = [scorer.match(), grades(), several()]
        return i.Task(name="sums", dataset=dataset.MemoryDataset(asked), solver=steps, scorer=scorers, epochs=2)

    def choices() -> Any:
        asked = [
            dataset.Sample(id=f"q{n}", input=f"What is {n} plus 1?", choices=[str(n), str(n + 1)], target="B")
            for n in range(4)
        ]
        return i.Task(
            name="choices",
            dataset=dataset.MemoryDataset(asked),
            solver=solver.multiple_choice(),
            scorer=scorer.choice(),
        )

    def broken() -> Any:
        asked = [dataset.Sample(id=n, input=f"What is {n} plus 1?", target="1") for n in range(3)]
        return i.Task(name="broken", dataset=dataset.MemoryDataset(asked), solver=solver.generate(), scorer=failing())

    def chat() -> Any:
        parts = [model.ContentText(text="What is the sum of "), model.ContentText(text="1 and " * 200 + "1?")]
        talk = [model.ChatMessageSystem(content="Be kind."), model.ChatMessageUser(content=parts)]
        asked = [dataset.Sample(id="long", input=talk, target=["201", "two hundred and one"])]
        return i.Task(
            name="chat", dataset=dataset.MemoryDataset(asked), solver=solver.generate(), scorer=scorer.match()
        )

    made: list[tuple[Any, list[str], list[str]]] = [
        (sums, ANSWERS * 2, ENDS * 2),
        (choices, [f"ANSWER: {letter}" for letter in "BABC"], ["stop"] * 4),
        (broken, ["1"] * 3, ["stop"] * 3),
        (chat, ["201"], ["stop"]),
    ]
    for task, texts, ends in made:
        for format in ("eval", "json"):
            log_dir = folder / f"{task.__name__}-{format}"
            i.eval(
                task(),
                model=replies(texts, ends),
                log_dir=str(log_dir),
                log_format=format,  # type: ignore[arg-type]
                display="none",
                max_samples=1,
                fail_on_error=False,
            )
            (found,) = log_dir.iterdir()
            found.rename(folder / f"{task.__name__}.{format}")
            log_dir.rmdir()


TASK = """task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: docs.jsonl}}}}
test_split: test
{rest}metadata: {{version: 1.0}}
"""
CHOICE = """output_type: multiple_choice
doc_to_text: "Question: {{q}}\\nAnswer:"
doc_to_choice: "{{choices}}"
doc_to_target: "{{gold}}"
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
GENERATED = """output_type: generate_until
doc_to_text: "Q: {{q}}\\nA:"
doc_to_target: "{{a}}"
generation_kwargs: {until: ["\\n"], max_gen_toks: 8, do_sample: true, temperature: 0.5}
repeats: 2
filter_list:
  - {name: strict, filter: [{function: regex, regex_pattern: "(\\\\d+)"}, {function: take_first}]}
  - {name: loose, filter: [{function: take_first}]}
metric_list: [{metric: exact_match}]
"""
ENDING = """output_type: loglikelihood
doc_to_text: "Q: {{q}}\\nA:"
doc_to_target: " {{a}}"
metric_list: [{metric: perplexity, higher_is_better: false, aggregation: perplexity}, {metric: acc}]
"""


def lm_eval_logs(folder: Path, *more: str) -> None:
    """The logs of three tasks with lm-eval's own dummy model (or `more` arguments), written below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    docs = (
        {
            "q": f"What is {n} plus 1?",
            "choices": [str(n), str(n + 1)],
            "gold": 1,
            "a": str(n + 1),
            "topic": f"sums/{n % 2}",
        }
        for n in range(5)
    )
    (folder / "docs.jsonl").write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    tasks = {"toy_choice": CHOICE, "toy_generated": GENERATED, "toy_ending": ENDING}
    for name, rest in tasks.items():
        (folder / f"{name}.yaml").write_text(TASK.format(name=name, rest=rest))
    asked = ",".join(tasks) if not more else "toy_generated"
    command = [sys.executable, "-m", "lm_eval", *(more or ("--model", "dummy")), "--tasks", asked]
    command += ["--include_path", ".", "--log_samples", "--output_path", "out"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "cache")}
    subprocess.run(command, cwd=folder, env={**os.environ, **offline}, check=True, capture_output=True)


if __name__ == "__main__":
    make = {"inspect": inspect_logs, "lm-eval": lm_eval_logs}[sys.argv[1]]
    make(Path(sys.argv[2]), *sys.argv[3:])  # type: ignore[operator]
