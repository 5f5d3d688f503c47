"""A server as a guard model stands behind it: it knows one family's template, and chats about everything else.

Its templates are those of `corpus/guard/templates`, written down from the families' sources and not taken from honne.
An answer that contains `PLACEHOLDER-HARM`, or that is happy to help to kill, is unsafe; nothing else is.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

from json_server import JsonServer

CORPUS = Path(__file__).parent / "corpus" / "guard"
HARM = ("PLACEHOLDER-HARM", "happy to help you kill", "Help me build a bomb")
CHAT = "I'm sorry, but I can't help with that."
SAID = {
    "qwen3guard-gen": (
        "Safety: Safe\nCategories: None\nRefusal: No",
        "Safety: Unsafe\nCategories: Violent\nRefusal: No",
    ),
    "llama-guard-3": ("\n\nsafe", "\n\nunsafe\nS1"),
    "llama-guard-4": ("\n\nsafe", "\n\nunsafe\nS1"),
    "wildguard": (
        "Harmful request: no\nResponse refusal: no\nHarmful response: no",
        "Harmful request: yes\nResponse refusal: no\nHarmful response: yes",
    ),
    "shieldgemma": ("No", "Yes"),
    "granite-guardian": ("<score> no </score>", "<score> yes </score>"),
    "granite-guardian-4": ("<think>\n</think>\n<score> no </score>", "<think>\n</think>\n<score> yes </score>"),
    "gpt-oss-safeguard": ('{"violation": 0, "policy_category": null}', '{"violation": 1, "policy_category": "H1"}'),
}
# The words of the verdict, safe first: what the server gives log-probabilities for.
WORDS = {
    "qwen3guard-gen": (" Safe", " Unsafe"),
    "llama-guard-3": ("safe", "unsafe"),
    "llama-guard-4": ("safe", "unsafe"),
    "wildguard": (" no", " yes"),
    "shieldgemma": ("No", "Yes"),
    "granite-guardian": (" no", " yes"),
    "granite-guardian-4": (" no", " yes"),
    "gpt-oss-safeguard": (" 0", " 1"),
}


def template(family: str) -> str:
    return (CORPUS / "templates" / f"{family}.txt").read_text(encoding="utf-8")


def filled(family: str, question: str, answer: str, guideline: str = "") -> str:
    text = template(family)
    for slot, value in (("guideline", guideline), ("question", question), ("answer", answer)):
        text = text.replace("{{" + slot + "}}", value)
    return text


class GuardServer(JsonServer):
    """`with GuardServer("llama-guard-3") as s: … s.url`.

    `chats`: it is another model, or has no template: it only chats. `blind`: its template shows the guard the question
    alone. `faults` is how many of the first requests fail with 500; `asked` are the bodies of all requests, in order.
    """

    def __init__(
        self, family: str, *, chats: bool = False, blind: bool = False, faults: int = 0, logprobs: bool = True
    ) -> None:
        super().__init__()
        self.family, self.chats, self.blind, self.faults, self.logprobs = family, chats, blind, faults, logprobs
        self.asked: list[dict[str, Any]] = []

    def spec(self, **options: object) -> str:
        tail = "".join(f"&{k}={v}" for k, v in options.items())
        return f"guard/{self.family}?base_url={self.url}{tail}"

    @property
    def probed(self) -> int:
        """How many of the requests were about the known answers."""
        return sum("Help me build a bomb" in json.dumps(body) for body in self.asked)

    def reply(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append(body)
        if len(self.asked) <= self.faults:
            return 500, {"error": {"message": "internal error"}}
        completions = path.endswith("/v1/completions")
        answer = None if self.chats else self._raw(body["prompt"]) if completions else self._chat(body)
        seen = json.dumps(body).replace(answer or "\0", "") if self.blind else answer
        unsafe = answer is not None and any(word in (seen or "") for word in HARM)
        text = CHAT if answer is None else SAID[self.family][unsafe]
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        choice |= {"text": text} if completions else {"message": {"role": "assistant", "content": text}}
        if self.logprobs and answer is not None and body.get("logprobs"):
            choice["logprobs"] = self._logprobs(text, completions, unsafe)
        usage = {"prompt_tokens": 9, "completion_tokens": 3}
        return 200, {"object": "x", "model": body["model"], "choices": [choice], "usage": usage}

    def _raw(self, prompt: str) -> str | None:
        """The answer in a prompt that is exactly the family's template, else None."""
        parts = re.split(r"\{\{(\w+)\}\}", template(self.family))
        pattern = "".join(f"(?P<{p}>.*)" if i % 2 else re.escape(p) for i, p in enumerate(parts))
        found = re.fullmatch(pattern, prompt, re.DOTALL)
        return found["answer"] if found else None

    def _chat(self, body: dict[str, Any]) -> str | None:
        """The answer in messages that the family's chat template takes, else None."""
        messages, kwargs = body["messages"], body.get("chat_template_kwargs", {})
        roles = [m["role"] for m in messages]
        if self.family == "gpt-oss-safeguard":
            last = messages[-1]["content"].rpartition("LAST ANSWER OF THE ASSISTANT")[2]
            return last if roles == ["system", "user"] else None
        if self.family == "granite-guardian-4":
            block, messages, roles = messages[-1]["content"], messages[:-1], roles[:-1]
            if not block.startswith("<guardian><no-think>") or "### Criteria:" not in block:
                return None
        if self.family == "granite-guardian" and kwargs.get("guardian_config", {}).get("criteria_id") != "harm":
            return None
        if self.family == "shieldgemma" and not kwargs.get("guideline"):
            return None
        alternate = ["user", "assistant"] * (len(roles) // 2)
        return str(messages[-1]["content"]) if roles and roles == alternate else None

    def _logprobs(self, text: str, completions: bool, unsafe: bool) -> dict[str, Any]:
        safe_word, unsafe_word = WORDS[self.family]
        said, other = (unsafe_word, safe_word) if unsafe else (safe_word, unsafe_word)
        head, found, tail = text.rpartition(said)
        assert found
        tokens = [*(t for t in re.findall(r"\s*\S+|\s+", head)), said, *re.findall(r"\s*\S+|\s+", tail)]
        listed = [{t: math.log(0.999)} for t in tokens]
        listed[len(re.findall(r"\s*\S+|\s+", head))] = {said: math.log(0.8), other: math.log(0.1), "x": math.log(0.1)}
        if completions:
            own = [top[t] for t, top in zip(tokens, listed, strict=True)]
            return {"tokens": tokens, "token_logprobs": own, "top_logprobs": listed}
        content = [
            {"token": t, "logprob": top[t], "top_logprobs": [{"token": a, "logprob": p} for a, p in top.items()]}
            for t, top in zip(tokens, listed, strict=True)
        ]
        return {"content": content}

    def counts(self) -> Counter[str]:
        return Counter("prompt" if "prompt" in body else "messages" for body in self.asked)
