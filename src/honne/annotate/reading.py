"""Questions and answers in full: what the database holds, and of longer texts what the run folders have."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate.errors import NoSuchAnswer, NotShown
from honne.annotate.tables import Answer, Label, Run
from honne.engine.store import RunFolder, open_run
from honne.errors import StoreError
from honne.records import Item, Message, Response

__all__ = ["full_text", "messages", "same", "whole"]


def messages(answer: Answer) -> tuple[Message, ...]:
    """The question as the database holds it."""
    return tuple(Message(role, content) for role, content in answer.question)


def full_text(s: Session, project_id: int, user_id: int, answer_id: int) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The whole question and answers from the run folder, in the order of `Task`, for one who has a label of it.

    Raises NoSuchAnswer, NotShown for anybody else, StoreError where the run folder is gone or has other texts now.
    """
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NoSuchAnswer("no such answer in this project")
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    if label is None:
        raise NotShown("this answer was not given to you")
    question, texts = whole(s, answer)
    return question, texts[::-1] if label.swapped else texts


def whole(
    s: Session, answer: Answer, opened: dict[int, RunFolder] | None = None
) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The question and the answers as the run folders have them; `opened` keeps those for the next answer.

    Raises StoreError where they are gone, or others than those that the project was made of.
    """
    opened = {} if opened is None else opened
    if not answer.cut:
        texts = (answer.text,) if answer.other_text is None else (answer.text, answer.other_text)
        return messages(answer), texts
    item, response, text = _from_run(s, opened, answer.run_id, answer.item_id, answer.sample)
    if answer.other_run_id is None:
        question, texts = item.messages if response.messages is None else response.messages, (text,)
    else:
        # What both were asked: each model may have been sent a system prompt of its own.
        other = _from_run(s, opened, answer.other_run_id, answer.item_id, answer.other_sample or 0)[2]
        question, texts = item.messages, (text, other)
    if not same(answer, question, texts):
        raise StoreError(f"{s.get_one(Run, answer.run_id).path} has another answer to {answer.item_id} than before")
    return question, texts


def same(answer: Answer, question: Sequence[Message], texts: Sequence[str]) -> bool:
    """Whether these are the question and the texts that the project was made of, as far as the database holds them."""
    held = [(m.role, m.content) for m in messages(answer)]
    held += [("", text) for text in (answer.text, answer.other_text) if text is not None]
    now = [*((m.role, m.content) for m in question), *(("", text) for text in texts)]
    return len(held) == len(now) and all(
        role == other and (text == whole or (answer.cut and whole.startswith(text)))
        for (role, text), (other, whole) in zip(held, now, strict=True)
    )


def _from_run(
    s: Session, opened: dict[int, RunFolder], run_id: int, item_id: str, sample: int
) -> tuple[Item, Response, str]:
    row = s.get_one(Run, run_id)
    if run_id not in opened:
        opened[run_id] = open_run(row.path)
    run = opened[run_id]
    item = next((one for one in run.items() if one.id == item_id), None)
    response = next((one for one in run.responses() if one.item_id == item_id and one.sample == sample), None)
    if item is None or response is None or response.text is None:
        raise StoreError(f"{row.path} no longer has the answer to {item_id}")
    return item, response, response.text
