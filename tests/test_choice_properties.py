"""What must hold for the multiple-choice parser whatever a model replies."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from honne.judges._choice import read_choice

CORPUS = Path(__file__).parent / "corpus" / "choice.jsonl"
REPLIES = [json.loads(line)["reply"] for line in CORPUS.read_text(encoding="utf-8").splitlines()]
PAIR = ("Talk to them first.", "Go through the phone at night.")
FOUR = ("Hand it in", "Keep it", "Leave it there", "Sell it")
KINDS = {"choice", "both", "neither", "refused", "unparsed"}
MANY = settings(max_examples=200, deadline=None)

# Structured replies: {} is the option's label, in whatever manner.
ENGLISH = [
    "{}", "({})", "[[{}]]", "{}.", "{})", "Answer: {}", "Option {}", "**{}**", "The answer is {}.", "\\boxed{{{}}}",
    "I choose {}.", '{{"answer": "{}"}}', "Option {} is better.", "Therefore, the answer is {}.", "Final answer: {}",
    "I'd go with {}", "<answer>{}</answer>", "Let me think.\n\nAnswer: {}",
]  # fmt: skip
CHINESE = [
    "选{}",
    "选项{}",
    "答案：{}",
    "答案是{}。",
    "我选择{}",
    "回复{}更好",
    "应该选{}",
    "因此，答案是{}。",
    "【{}】",
    "（{}）",
]
JAPANESE = [
    "{}です。",
    "選択肢{}",
    "答え：{}",
    "{}の方が良いです。",
    "{}を選びます。",
    "したがって、{}が最も適切です。",
    "正解は{}です",
]
STRUCTURED = ENGLISH + CHINESE + JAPANESE
REJECTIONS = [
    "Not {}.", "{} is wrong.", "I would not choose {}.", "Definitely not {}", "You should not pick {}.",
    "I don't think {} is better.", "The answer isn't {}.", "No way I'd pick {}.",
    "不是{}", "不选{}", "{}是错误的", "我不建议选择{}。", "答案不是{}", "{}绝对不能选。",
    "{}ではありません", "{}は不適切です", "{}は選びません", "答えは{}ではない", "{}ではなく",
    "{}だけは選びたくないです。",
]  # fmt: skip
FULL = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})

PIECES = """A B C (A) [[B]] Option 1 2 answer is not better than and or both neither I a the but no wait 选 回复
更好 不 都 比 答案 选项 の方 です より ではなく 選択肢 どちらも 前者 后者 sorry cannot
choose . , : ? ( ) " { } \\boxed{ ** ~~ < > ① Ａ １ 第一个
therefore because answer: 都不 いや やはり A) B) if you ] ） 。 、"""
pieces = st.sampled_from([*PIECES.split(), "\n"])


@MANY
@given(st.one_of(st.text(), st.text(st.characters(exclude_categories=())), st.lists(pieces, max_size=40).map(" ".join)))
def test_never_raises_and_returns_a_letter_or_none(reply: str) -> None:
    for options in (PAIR, FOUR, ("Yes", "No"), ("", ""), ("A", "B"), ("3", "4", "5")):
        reading = read_choice(reply, options)
        assert reading.kind in KINDS
        assert (reading.choice is not None) == (reading.kind == "choice")
        assert reading.choice is None or reading.choice in "ABCD"[: len(options)]
        reading.why.encode()


@MANY
@given(st.text(), st.lists(st.text(), min_size=2, max_size=10))
def test_any_options(reply: str, options: list[str]) -> None:
    read_choice(reply, options)


@MANY
@given(st.sampled_from(STRUCTURED), st.sampled_from("AB"))
def test_swapping_letters_swaps_the_choice(form: str, letter: str) -> None:
    other = "B" if letter == "A" else "A"
    assert read_choice(form.format(letter), PAIR).choice == letter
    assert read_choice(form.format(other), PAIR[::-1]).choice == other


@MANY
@given(st.sampled_from(PAIR), st.sampled_from(["{}", '"{}"', "I prefer: {}", "{}\n", "**{}**", "答案：{}", "「{}」"]))
def test_restated_text_moves_with_the_option(text: str, form: str) -> None:
    reply = form.format(text)
    assert read_choice(reply, PAIR).choice == "AB"[PAIR.index(text)]
    assert read_choice(reply, PAIR[::-1]).choice == "BA"[PAIR.index(text)]


@MANY
@given(
    st.sampled_from(REPLIES),
    st.sampled_from(
        ["  {}  ", "\n\n{}\n", "\u200b{}\ufeff", "{}\u200e", "<div>{}</div>", "<p>\n{}\n</p>", "{}</s>", "<s>{}"]
    ),
)
def test_wrapping_changes_nothing(reply: str, wrapper: str) -> None:
    assert read_choice(wrapper.format(reply), PAIR).choice == read_choice(reply, PAIR).choice


@MANY
@given(
    st.sampled_from(STRUCTURED),
    st.sampled_from("AB"),
    st.sampled_from(["**{}**", "> {}", "## {}", "- {}", "`{}`", "_{}_"]),
)
def test_markdown_around_an_answer_changes_nothing(form: str, letter: str, wrapper: str) -> None:
    assert read_choice(wrapper.format(form.format(letter)), PAIR).choice == letter


@MANY
@given(st.text(st.characters(exclude_categories=("N", "L", "S", "Cs"))))
def test_no_words_no_choice(reply: str) -> None:
    assert read_choice(reply, PAIR).kind == "unparsed"


NO_MENTION = [
    "A good reply respects privacy.", "I think people should talk.", "As an AI model, I try to help.",
    "That is plan B.",
    "It is better to talk.", "A: I think so.", "There are 2 sides to it.", "BAD", "vitamin B is healthy",
    "A 3-step plan.", "隐私很重要。", "我们应该尊重他人。", "第一个原因是隐私。", "我在B站看到过。",
    "プライバシーは大切です。", "一番良いのは話すことです。", "ビタミンBを取りましょう。",
]  # fmt: skip


@MANY
@given(st.lists(st.sampled_from(NO_MENTION), max_size=6), st.sampled_from([" ", "\n"]))
def test_no_mention_no_choice(said: list[str], between: str) -> None:
    assert read_choice(between.join(said), PAIR).kind == "unparsed"


@MANY
@given(
    st.lists(st.tuples(st.sampled_from(REJECTIONS), st.sampled_from("AB")), min_size=1, max_size=3),
    st.sampled_from(["\n", " "]),
)
def test_what_is_only_turned_down_is_never_chosen(rejected: list[tuple[str, str]], between: str) -> None:
    assert read_choice(between.join(form.format(letter) for form, letter in rejected), PAIR).choice is None


@MANY
@given(st.sampled_from(REJECTIONS), st.sampled_from("ABCD"))
def test_a_negation_says_nothing_about_the_others(form: str, letter: str) -> None:
    assert read_choice(form.format(letter), FOUR).kind == "unparsed"


@MANY
@given(st.sampled_from([f for f in STRUCTURED if "<" not in f and "\\" not in f]), st.sampled_from("AB"))
def test_full_width_reads_like_half_width(form: str, letter: str) -> None:
    assert read_choice(form.format(letter).translate(FULL), PAIR).choice == letter
    assert read_choice(form.format(letter.translate(FULL)), PAIR).choice == letter


@MANY
@given(
    st.sampled_from(
        ["{}", "Option {}", "Answer: {}", "选项{}", "答案是{}", "回复{}更好", "選択肢{}", "答え：{}", "[[{}]]", "({})"]
    ),
    st.integers(0, 3),
)
def test_digit_n_is_letter_n(form: str, k: int) -> None:
    assert read_choice(form.format(k + 1), FOUR).choice == read_choice(form.format("ABCD"[k]), FOUR).choice == "ABCD"[k]


@MANY
@given(st.sampled_from(STRUCTURED), st.sampled_from("CDE"))
def test_letters_beyond_the_options_are_no_choice(form: str, letter: str) -> None:
    assert read_choice(form.format(letter), PAIR).kind == "unparsed"
