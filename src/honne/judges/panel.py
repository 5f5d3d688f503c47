"""Judge `panel`: several judges vote on an answer, and the verdict of the majority is the panel's.

A label wins with more than half of the votes that were cast, and only where at least a quorum of the members cast one
(`quorum`, by default more than half of the members). A member without a verdict is a missing vote, never a vote for
anything. Without a winner the judgment is `unparsed` and its `error` gives the count: a panel does not guess either.
Verdicts on an ordered scale (FLAMES' 3, 2, 1) are labels like any others; nothing is averaged.

The members are judges of their own, each with its own judgments; the engine builds them, and combines their judgments
when they are in. Nothing here asks anything.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from honne.errors import ConfigError, JudgeError
from honne.judges._answers import judged_text
from honne.plugins import Benchmark, Judge, Model, Reply, Request, Verdict
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Panel"]

VERSION = 1
_HOW = (
    "name its members: --judge A --judge B --judge C --judge panel, --judge panel/A+B+C, or in honne.toml "
    '[judges.NAME] with panel = ["A", "B", "C"]'
)


class Panel:
    """A panel of `members` for one benchmark.

    Raises ConfigError for fewer than two members, the same one twice, or a quorum that is not between 1 and their
    number; JudgeError for members that judge this benchmark on different scales.
    """

    model: Model | None = None

    def __init__(self, spec: Spec, benchmark: Benchmark, members: Sequence[Judge] = ()) -> None:
        self.name = spec.label
        self.members = tuple(judge.key for judge in members)
        if len(self.members) < 2:
            raise ConfigError(f"{self.name}: a panel needs at least two judges; {_HOW}")
        if len(set(self.members)) < len(self.members):
            raise ConfigError(f"{self.name} names the same judge twice: {', '.join(sorted(self.members))}")
        scales = {tuple(own) if (own := getattr(judge, "metrics", None)) is not None else None for judge in members}
        if len(scales) > 1:
            names = ", ".join(judge.name for judge in members)
            raise JudgeError(
                f"{self.name}: on {benchmark.name} its judges give verdicts on different scales and cannot vote: "
                f"{names}; name those that can: --judge panel/A+B+C"
            )
        self.metrics: Sequence[str] | None = scales.pop()
        given = read_options(spec, {"quorum": int}).get("quorum")
        self.quorum: int = len(members) // 2 + 1 if given is None else given
        if not 1 <= self.quorum <= len(members):
            raise ConfigError(f"{self.name}: quorum={self.quorum} must be from 1 to {len(members)}, its judges")
        self._benchmark = benchmark
        self.prompts: Mapping[str, str] = {}
        asked = msgspec.json.encode([VERSION, sorted(self.members), self.quorum])
        self.key = f"{self.name}@{VERSION}-{hashlib.sha256(asked).hexdigest()[:8]}"

    def render(self, item: Item, response: Response) -> Request | None:
        return None

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        return None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment of a panel of which no member has voted."""
        return self.combine(item, response, {})

    def decided(self, votes: Mapping[str, Judgment]) -> bool:
        """Whether there is something to combine: every member has been heard, or a quorum has cast its vote."""
        cast = sum(_label(votes.get(key)) is not None for key in self.members)
        return cast >= self.quorum or all(key in votes for key in self.members)

    def combine(self, item: Item, response: Response, votes: Mapping[str, Judgment]) -> Judgment:
        """The panel's judgment from its members' (by key; one that is absent is `not_judged`).

        `rationale` is the count; `raw` is JSON: `votes` (member -> label) and `missing` (member -> status).
        """
        cast = {key: label for key in self.members if (label := _label(votes.get(key))) is not None}
        missing = {
            key: (votes[key].status if key in votes else "not_judged") for key in self.members if key not in cast
        }
        tally = sorted(Counter(cast.values()).items(), key=lambda pair: (-pair[1], pair[0]))
        count = ", ".join([*(f"{label} {n}" for label, n in tally), *([f"missing {len(missing)}"] if missing else [])])

        def judged(status: str, verdict: Verdict | None = None, error: str | None = None) -> Judgment:
            return Judgment(
                item_id=item.id,
                model=response.model,
                sample=response.sample,
                judge=self.key,
                status=status,
                label=verdict.label if verdict else None,
                score=verdict.score if verdict else None,
                raw_score=verdict.raw_score if verdict else None,
                refused=verdict.refused if verdict else None,
                rationale=count,
                raw=msgspec.json.encode({"votes": cast, "missing": missing}).decode(),
                error=error,
                at=now(),
            )

        if not cast and judged_text(response) is None:
            return judged("skipped")
        if len(cast) < self.quorum:
            return judged("unparsed", error=f"no majority: {count} (quorum {self.quorum})")
        label, most = tally[0]
        if 2 * most <= len(cast):
            return judged("unparsed", error=f"no majority: {count}")
        return judged("scored", self._verdict(item, label, [votes[key] for key in cast if cast[key] == label]))

    def _verdict(self, item: Item, label: str, agreed: Sequence[Judgment]) -> Verdict:
        """What the label means on the benchmark's scale; of another scale, what its voters agree that it means."""
        found = self._benchmark.scale(item.category).read(label) if self.metrics is None else None
        if found is not None and found.label == label:
            return found
        scores, raw_scores = {j.score for j in agreed}, {j.raw_score for j in agreed}
        refused = {j.refused for j in agreed}
        return Verdict(
            label,
            scores.pop() if len(scores) == 1 else None,
            raw_scores.pop() if len(raw_scores) == 1 else None,
            refused.pop() if len(refused) == 1 else None,
        )


def _label(judgment: Judgment | None) -> str | None:
    return judgment.label if judgment is not None and judgment.status == "scored" else None


PLUGIN = Panel
