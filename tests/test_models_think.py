"""Reasoning in the text: what is answer, what is thought, and what never ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.models._think import split


@pytest.mark.parametrize(
    ("text", "answer", "reasoning", "closed"),
    [
        ("plain", "plain", None, True),
        ("  plain\n", "  plain\n", None, True),
        ("<think>a</think>b", "b", "a", True),
        ("\n<think>\na\n</think>\n\nb", "b", "a", True),
        ("<think>\n\n</think>\n\nb", "b", None, True),
        ("<think>a</think><think>c</think>b", "b", "a\n\nc", True),
        ("<think>a", "", "a", False),
        ("<think>", "", None, False),
        ("<think>a</think><think>c", "", "a\n\nc", False),
        ("a\n</think>\n\nb", "b", "a", True),
        ("</think>b", "b", None, True),
        ("b, quoting <think>x</think>", "b, quoting <think>x</think>", None, True),
        ("<think>a</think>b, quoting </think>", "b, quoting </think>", "a", True),
        ("b <think> c", "b <think> c", None, True),
        ("", "", None, True),
    ],
)
def test_split(text: str, answer: str, reasoning: str | None, closed: bool) -> None:
    assert split(text) == (answer, reasoning, closed)


def test_a_closing_tag_alone_means_nothing_where_the_server_parsed_the_reasoning() -> None:
    assert split("in HTML, </think> is unknown", bare_end=False) == ("in HTML, </think> is unknown", None, True)
    assert split("<think>a</think>b", bare_end=False) == ("b", "a", True)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "b ", "\n", "<", "think>"]), max_size=12).map("".join))
def test_an_answer_never_begins_with_thought_and_no_text_is_invented(text: str) -> None:
    answer, reasoning, closed = split(text)
    assert not answer.lstrip().startswith("<think>")
    assert text.endswith(answer)
    assert closed or (answer == "" and "<think>" in text)
    if "think>" not in text:
        assert (answer, reasoning) == (text, None)
