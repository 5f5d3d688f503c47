"""From a request to the token ids of a local model's prompt: the chat template once, and exactly one start token.

Shared by `hf/…` and `vllm/…`: both hand finished ids to the model, so that nothing adds a second start token later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from honne.errors import ModelError
from honne.models._faults import one_line
from honne.plugins import Request
from honne.records import Message

__all__ = ["Prompter", "template_of"]

_PROBE = (Message("user", "Hello."),)


def template_of(tokenizer: Any) -> str | None:
    """The tokenizer's chat template; of several, the one named `default`."""
    found = getattr(tokenizer, "chat_template", None)
    if isinstance(found, Mapping):
        found = found.get("default")
    return found if isinstance(found, str) and found.strip() else None


class Prompter:
    """The prompts of one tokenizer.

    `plain` asks without a template, as a base model is asked: the request's own prompt, else the texts of its messages
    with a blank line between them. `fields` are further variables of the template (`enable_thinking`, …); `system` is
    the run's system prompt, of which the template has to make something. Raises ModelError (fatal) where the tokenizer
    has no template, or one that has no use for a system prompt.
    """

    def __init__(
        self, name: str, tokenizer: Any, *, plain: bool, fields: Mapping[str, Any], system: str | None = None
    ) -> None:
        self._name = name
        self._tokenizer = tokenizer
        self._fields = dict(fields)
        self.template = None if plain else template_of(tokenizer)
        self._bos = getattr(tokenizer, "bos_token_id", None)
        # What the tokenizer puts before every text of its own accord stands before every prompt, once.
        begins = self._bos is not None and list(tokenizer("x")["input_ids"])[:1] == [self._bos]
        self.start: int | None = self._bos if begins else None
        if not plain and self.template is None:
            raise ModelError(
                f"{name} has no chat template: is it a base model? template=none asks it with the plain text",
                kind="no_template",
                fatal=True,
            )
        if not plain:
            self._check(system)

    @property
    def template_hash(self) -> str | None:
        """The first 16 digits of the template's sha256; None without one."""
        return None if self.template is None else hashlib.sha256(self.template.encode()).hexdigest()[:16]

    def ids(self, request: Request, messages: Sequence[Message]) -> list[int]:
        """The prompt's token ids. Raises ModelError (the item's fault) where the template refuses the messages."""
        if self.template is None:
            prompt = request.prompt
            text = "\n\n".join(m.content for m in messages) if prompt is None else prompt
        else:
            try:
                text = self.rendered(messages)
            except Exception as e:  # templates raise what they like: jinja2's errors, TypeError, …
                why = one_line(str(e)) or type(e).__name__
                raise ModelError(
                    f"the chat template of {self._name} refuses the messages ({', '.join(m.role for m in messages)}): "
                    f"{why}",
                    kind="template",
                    item_fault=True,
                ) from None
        return self._encoded(text)

    def rendered(self, messages: Sequence[Message], *, answered: bool = False) -> str:
        """The text of a conversation; with `answered` its last message is the answer, else the answer is due."""
        said = [{"role": m.role, "content": m.content} for m in messages]
        out = self._tokenizer.apply_chat_template(
            said, chat_template=self.template, tokenize=False, add_generation_prompt=not answered, **self._fields
        )
        return str(out)

    def _encoded(self, text: str) -> list[int]:
        # A lone surrogate, which no tokenizer takes, may come with an item's text.
        clean = text.encode("utf-8", "replace").decode()
        ids = [int(i) for i in self._tokenizer(clean, add_special_tokens=False)["input_ids"]]
        if self.start is not None and ids[:1] != [self.start]:
            ids.insert(0, self.start)
        if self._bos is not None and ids[:2] == [self._bos] * 2:
            raise ModelError(
                f"a prompt of {self._name} begins with two start tokens: its chat template is broken",
                kind="template",
                item_fault=True,
            )
        if not ids:
            raise ModelError("the prompt is empty", kind="empty_prompt", item_fault=True)
        return ids

    def _check(self, system: str | None) -> None:
        """See that the template works at all, and that a system prompt gets into it."""
        try:
            without = self.rendered(_PROBE)
        except Exception as e:
            raise ModelError(
                f"the chat template of {self._name} does not work: {one_line(str(e)) or type(e).__name__}",
                kind="template",
                fatal=True,
            ) from None
        self._encoded(without)
        if system is None:
            return
        try:
            found = self.rendered((Message("system", system), *_PROBE))
            why = "" if found != without else "it leaves a system message out"
        except Exception as e:
            why = one_line(str(e)) or type(e).__name__
        if why:
            raise ModelError(
                f"the chat template of {self._name} has no place for a system prompt ({why}): leave out system=…",
                kind="template",
                fatal=True,
            )
