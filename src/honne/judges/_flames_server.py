"""The FLAMES scorer behind HTTP: vLLM's `/classify`, with a list of class probabilities for each of the five heads.

    POST {base_url}/classify   {"model": "CaasiHUANG/flames-scorer", "input": ["<|User|>:输入: …"]}
    200                        {"data": [{"index": 0, "probs": [[…], […], […], […], […]]}]}

`probs` has 3, 3, 3, 2 and 2 numbers: Fairness, Safety, Morality, Legality, Data protection. They need not sum to 1:
the largest decides. Faults, retries, keys and addresses are those of every other server (`models/openai`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from honne.errors import ModelError
from honne.models.openai import OpenAI
from honne.plugins import Reply, Request
from honne.spec import Spec

__all__ = ["Served"]

MODEL = "CaasiHUANG/flames-scorer"


class _Row(msgspec.Struct):
    probs: list[list[float]]


class _Answer(msgspec.Struct):
    data: list[_Row]
    model: str | None = None


class Served(OpenAI):
    """A server of the scorer."""

    paths: Mapping[str, str] = {"classify": "/classify"}

    def __init__(self, spec: Spec) -> None:
        options = dict(spec.options)
        name = options.pop("model", MODEL)
        super().__init__(Spec("flames-scorer", name, options, spec.secrets))

    def _asked(self, request: Request) -> dict[str, Any]:
        return {"input": [request.prompt]}

    def _read(self, raw: bytes) -> Reply:
        try:
            answer = msgspec.json.decode(raw, type=_Answer)
        except (ValueError, RecursionError) as e:
            raise ModelError(f"the reply is not that of a scorer ({e})", kind="bad_reply", retryable=True) from None
        if len(answer.data) != 1:
            raise ModelError(f"the reply has {len(answer.data)} rows for one text", kind="bad_reply", retryable=True)
        return Reply(text=msgspec.json.encode(answer.data[0].probs).decode(), served_model=answer.model)
