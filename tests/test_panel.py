"""Panels: a majority of judges, missing votes shown, no guess; members are judged once and late votes count."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from honne.engine.judges import asked
from honne.engine.store import open_run
from honne.errors import ConfigError, JudgeError
from honne.judges.panel import Panel
from honne.plugins import Scale, Verdict
from honne.records import Item, Judgment, Message, Response, now
from honne.spec import Config, Spec
from run_parts import here as honne
from run_parts import ok, questions, rows
from server import Server

SCALE = Scale((Verdict("3", 1.0, 3.0), Verdict("2", 2 / 3, 2.0), Verdict("1", 1 / 3, 1.0)))
ITEM = Item(
    seq=0, id="i", benchmark="b", version="1", lang="en", category="", group="i", messages=(Message("user", "q"),)
)
ANSWER = Response(item_id="i", model="m", text="words", status="ok", at=now())


class Bench:
    name = "b"

    def scale(self, category: str) -> Scale:
        return SCALE


class Member:
    def __init__(self, key: str, metrics: tuple[str, ...] | None = None) -> None:
        self.key, self.name, self.metrics = key, key, metrics


def panel(n: int = 3, **options: str) -> Panel:
    return Panel(Spec("panel", "p", options), Bench(), [Member(f"j{i}") for i in range(n)])  # type: ignore[arg-type,misc]


def vote(panel: Panel, *said: str) -> Judgment:
    """`3`, `2`, `1` are verdicts; `?` is unparsed, `!` an error, `-` no judgment at all."""
    votes = {}
    for key, word in zip(panel.members, said, strict=True):
        status = {"?": "unparsed", "!": "error"}.get(word, "scored")
        label = word if status == "scored" else None
        if word != "-":
            votes[key] = Judgment(item_id="i", model="m", judge=key, status=status, label=label, score=0.5, at=now())
    return panel.combine(ITEM, ANSWER, votes)


@pytest.mark.parametrize(
    ("said", "label", "error"),
    [
        ("333", "3", None),
        ("331", "3", None),
        ("211", "1", None),
        ("321", None, "no majority: 1 1, 2 1, 3 1"),
        ("33?", "3", None),
        ("31?", None, "no majority: 1 1, 3 1, missing 1"),
        ("3?!", None, "no majority: 3 1, missing 2 (quorum 2)"),
        ("?!-", None, "no majority: missing 3 (quorum 2)"),
        ("3311", None, "no majority: 1 2, 3 2"),
        ("3321", None, "no majority: 3 2, 1 1, 2 1"),
        ("33?1", "3", None),
        ("33311", "3", None),
    ],
)
def test_the_majority_of_the_votes_cast(said: str, label: str | None, error: str | None) -> None:
    found = vote(panel(len(said)), *said)
    assert (found.label, found.error) == (label, error)
    assert found.status == ("scored" if label else "unparsed")
    if label is not None:
        meant = SCALE.read(label)
        assert meant is not None and (found.score, found.raw_score) == (meant.score, meant.raw_score)
    kept = json.loads(found.raw or "")
    assert kept["votes"] == {f"j{i}": word for i, word in enumerate(said) if word in "321"}
    names = {"?": "unparsed", "!": "error", "-": "not_judged"}
    assert kept["missing"] == {f"j{i}": names[word] for i, word in enumerate(said) if word in names}


def test_the_quorum_may_be_set() -> None:
    assert vote(panel(3, quorum="1"), "3", "?", "?").label == "3"
    assert vote(panel(3, quorum="3"), "3", "3", "?").label is None
    for wrong in ("0", "4", "many"):
        with pytest.raises(ConfigError, match="quorum"):
            panel(3, quorum=wrong)


def test_nothing_to_judge_is_skipped_and_other_scales_do_not_vote_together() -> None:
    silent = Response(item_id="i", model="m", status="error", at=now())
    assert panel().combine(ITEM, silent, {}).status == "skipped"
    with pytest.raises(JudgeError, match="different scales"):
        Panel(Spec("panel", ""), Bench(), [Member("a"), Member("b", ("refusal_shares",))])  # type: ignore[arg-type,list-item]
    with pytest.raises(ConfigError, match="same judge twice"):
        Panel(Spec("panel", ""), Bench(), [Member("a"), Member("a")])  # type: ignore[arg-type,list-item]


def test_the_order_of_the_members_changes_nothing() -> None:
    one, two = (
        Panel(Spec("panel", "p"), Bench(), [Member(x) for x in order])  # type: ignore[arg-type,misc]
        for order in ("abc", "cab")
    )
    assert one.key == two.key


# ------------------------------------------------------------- how they are named


def test_three_ways_to_name_a_panel() -> None:
    tables: dict[str, Any] = {
        "a": {"spec": "llm/openai/x", "seed": 1},
        "mine": {"panel": ["a", "llm/openai/y?temperature=1", "refusal"], "quorum": 2},
    }
    config = Config(path=Path("honne.toml"), judges=tables)
    found = asked(["mine"], config)
    assert found.judges == () and [m.public for m in found.members] == [
        "llm/openai/x?seed=1",
        "llm/openai/y?temperature=1",
        "refusal",
    ]
    assert [spec.public for spec, _ in found.panels] == ["panel/mine?quorum=2"]
    found = asked(["a", "panel/a+refusal"], config)
    assert [j.label for j in found.judges] == ["llm/openai/x"] and [m.label for m in found.members] == ["refusal"]
    found = asked(["panel?quorum=1", "a", "refusal"], config)
    assert found.members == () and [m.label for m in found.panels[0][1]] == ["llm/openai/x", "refusal"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"panel": "a"}, "must be a list"),
        ({"panel": ["p", "refusal"]}, "is a panel itself"),
        ({"panel": ["openai/x", "refusal"]}, "write llm/openai/x"),
        ({"panel": [1, 2]}, "must be a list"),
    ],
)
def test_wrong_panels_are_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(["p"], Config(path=Path("honne.toml"), judges={"p": table}))


# ---------------------------------------------------------------------- real runs


def langs(server: Server) -> list[str]:
    """Three judges that differ: the same server, asked in three languages."""
    return [f"llm/{server.spec('j')}&judge.lang={lang}" for lang in ("en", "ja", "zh")]


def by_item(folder: Path) -> dict[str, dict[str, Judgment]]:
    out: dict[str, dict[str, Judgment]] = {}
    for key, found in open_run(folder).judgments().items():
        for j in found:
            out.setdefault(j.item_id, {})[key] = j
    return out


def check(folder: Path, members: int = 3) -> Counter[str]:
    """Every panel judgment is what its members' labels, counted here, make it."""
    statuses: Counter[str] = Counter()
    for given in by_item(folder).values():
        ((key, verdict),) = [(k, j) for k, j in given.items() if k.startswith("panel")]
        labels = Counter(j.label for k, j in given.items() if k != key and j.status == "scored")
        label, most = labels.most_common(1)[0] if labels else (None, 0)
        cast = sum(labels.values())
        right = label if cast > members / 2 and most > cast / 2 else None
        assert verdict.label == right and (right is not None) == (verdict.status == "scored")
        statuses[verdict.status] += 1
    return statuses


def test_a_panel_in_a_run_and_in_a_later_judging(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 60)
    with Server() as server:
        named = [x for j in langs(server) for x in ("--judge", j)]
        model = ["--model", server.spec("m")]
        ok(honne("run", spec, *model, *named, "--judge", "panel", "-o", tmp_path / "run", "-q"))
        assert len(server.log()) == 240
        ok(honne("run", spec, *model, "-o", tmp_path / "later", "-q"))
        (tmp_path / "honne.toml").write_text(f"[judges.panel]\npanel = {json.dumps(langs(server))}\n")
        ok(honne("judge", tmp_path / "later", "--judge", "panel", "-q", cwd=tmp_path))
        asked_for = len(server.log())
        assert asked_for == 240 + 60 + 180
        ok(honne("judge", tmp_path / "later", *named, "--judge", "panel", "-q", cwd=tmp_path))
        assert len(server.log()) == asked_for, "members that are named singly too are not judged again"
    assert check(tmp_path / "run") == check(tmp_path / "later") == {"scored": 60}
    found = rows(honne("report", tmp_path / "run", "-f", "json"))
    (alpha,) = [r for r in found if r["metric"] == "krippendorff_alpha"]
    assert alpha["judge"].startswith("panel@1-") and alpha["reference"] == "its 3 judges"
    assert alpha["low"] <= alpha["value"] <= alpha["high"] and alpha["n"] == 60
    assert sum(r["metric"] == "cohen_kappa" for r in found) == 3, "a panel is not compared with its own members"
    text = ok(honne("report", tmp_path / "run")).stdout
    assert "its 3 judges" in " ".join(text.split()) and "panel@1-" in text


def test_missing_votes_are_shown_and_late_ones_count(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 80)
    with Server() as server:
        ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "run", "-q"))
    with Server("--broken", "0.35") as faulty:
        named = [x for j in langs(faulty) for x in ("--judge", j)]
        ok(honne("judge", tmp_path / "run", *named, "--judge", "panel", "-q"))
    first = check(tmp_path / "run")
    assert first["unparsed"] > 5 and first["scored"] > 20
    missing = [j for given in by_item(tmp_path / "run").values() for k, j in given.items() if k.startswith("panel")]
    assert any("missing" in (j.error or "") for j in missing)
    with Server() as server:
        named = [x for j in langs(server) for x in ("--judge", j)]
        ok(honne("judge", tmp_path / "run", *named, "--judge", "panel", "-q"))
        assert 20 < len(server.log()) < 200, "only what had failed is asked again"
    assert check(tmp_path / "run") == {"scored": 80}
    judges = open_run(tmp_path / "run").judgments()
    assert len([key for key in judges if key.startswith("panel")]) == 1
