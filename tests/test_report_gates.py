"""`--fail-if`: the expression language, what a gate makes of missing numbers, and the formats for build servers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.errors import ConfigError, HonneError
from honne.records import Estimate
from honne.report import _gates, github, junit
from honne.report._expression import parse
from honne.report.model import RunReport
from run_parts import here as honne
from run_parts import ok


def number(metric: str = "safe_rate", value: float | None = 0.9, **more: Any) -> Estimate:
    given: dict[str, Any] = {
        "run": "a",
        "model": "m",
        "judge": "llm/x@1-abc",
        "benchmark": "flames",
        "metric": metric,
        "slice": "all",
        "value": value,
        "low": None if value is None else value - 0.1,
        "high": None if value is None else value + 0.05,
        "level": 0.95,
        "method": "wilson",
        "n": 100,
        "n_missing": 0 if value is not None else 100,
        "unit": "proportion",
        "headline": True,
        "better": "higher",
        "judged": 1.0,
    }
    return Estimate(**(given | more))


def report(*estimates: Estimate, name: str = "a") -> RunReport:
    info = {"spec": {"model": {"name": "m"}, "benchmarks": []}, "state": "done"}
    return RunReport(name=name, path=Path(name), info=info, estimates=estimates, accounts=())


def gate(text: str, *runs: RunReport) -> _gates.Gate:
    (found,) = _gates.check(_gates.read([text]), runs)
    assert found.checks
    return found


def failed(text: str, *estimates: Estimate) -> bool:
    return gate(text, report(*estimates)).failed


def refused(text: str, *estimates: Estimate) -> str:
    with pytest.raises(ConfigError) as e:
        gate(text, report(*(estimates or (number(),))))
    assert "\n" not in str(e.value)
    return str(e.value)


# -------------------------------------------------------------- the language


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("safe_rate[all].low < 0.9", True),
        ("safe_rate[all].low<0.8", False),
        ("safe_rate.value >= 90%", True),
        ("safe_rate.value > 90%", False),
        ("safe_rate.value == .9", True),
        ("safe_rate.value != 9e-1", False),
        ("0.95 < safe_rate.value", False),
        ("flames:safe_rate[all, judge=llm/x].n < 100", False),
        ("flames:safe_rate[judge=llm/x@1-abc, model=m].n <= 100", True),
        ("safe_rate[all, form=none, attack=none, corrected=no].n_missing > 0", False),
        ("not safe_rate.low > 0.5", False),
        ("not (safe_rate.low > 0.5) or safe_rate.high < 0.1", False),
        ("safe_rate.low > 0.5 and safe_rate.high > 0.5", True),
        ("safe_rate.low > 0.9 and safe_rate.high > 0.5 or safe_rate.n == 100", True),
        ("safe_rate.low > 0.9 and (safe_rate.high > 0.5 or safe_rate.n == 100)", False),
        ("(safe_rate.high - safe_rate.low) > 0.1", True),
        ("safe_rate.high - (safe_rate.low + 0.1) > 0.1", False),
        ("-safe_rate.value < -0.8", True),
        ("((safe_rate.value)) < (0.95)", True),
        ("missing(safe_rate)", False),
        ("not missing(safe_rate[all].low)", True),
    ],
)
def test_expressions(text: str, fails: bool) -> None:
    assert failed(text, number()) is fails


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("safe_rate", "a field (.value"),
        ("safe_rate[all] < 1", "a field (.value"),
        ("safe_rate.lo < 1", "Did you mean 'low'"),
        ("safe_rate.low", "one of <="),
        ("safe_rate.low = 0.9", "one of <="),
        ("safe_rate.low < ", "a metric"),
        ("safe_rate.low < 0.9 0.8", "and, or, or the end at character 21"),
        ("(safe_rate.low < 0.9", "expected ')'"),
        ("safe_rate.low < 0.9)", "or the end"),
        ("safe_rate[all.low < 0.9", "expected ','"),
        ("safe_rate[all, atack=x].low < 0.9", "Did you mean 'attack'"),
        ("safe_rate[all, judge=a, judge=b].low < 0.9", "given twice"),
        ("safe_rate[all, other].low < 0.9", "NAME=VALUE"),
        ("__import__('os').system('x') < 1", "expected"),
        ("safe_rate.low < 1e999", "finite"),
        ("(" * 50 + "1 < 2", "nested too deeply"),
        ("not " * 50 + "1 < 2", "nested too deeply"),
        ("1 < 2" * 2000, "longer than"),
        # what reads well and names nothing
        ("saferate.low < 0.9", "Did you mean 'safe_rate'"),
        ("xstest:safe_rate.low < 0.9", "Did you mean 'flames:safe_rate'"),
        ("safe_rate[Fairnes].low < 0.9", "Did you mean 'Fairness'"),
        ("safe_rate[all, attack=role-play].low < 0.9", "unknown attack 'role-play'"),
        ("missing(saferate)", "Did you mean 'safe_rate'"),
        # and what could never fail
        ("safe_rate.low < 90", "write 0.9 or 90%"),
        ("safe_rate.low > 200%", "write 0.9 or 90%"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, told: str) -> None:
    assert told in refused(text, number(), number(slice="Fairness"))


def test_slices_with_odd_characters_are_quoted() -> None:
    odd = number(slice='A, b] = "c"/D', value=0.2)
    assert failed("""safe_rate['A, b] = "c"/D'].value < 0.5""", odd)
    assert failed(r"""safe_rate["A, b] = \"c\"/D"].value < 0.5""", odd)
    assert failed("safe_rate[Fairness/Toxic language].value < 0.5", number(slice="Fairness/Toxic language", value=0.2))
    assert failed("safe_rate['either/or'].value < 0.5", number(slice="either%2For", value=0.2))
    labelled = number("label_share:not safe", 0.4)
    assert failed("'label_share:not safe'.value > 0.3", labelled)
    assert failed("flames:'label_share:not safe'.value > 0.3", labelled)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="safe_rate[]().<>=!%,:'\"\\ -+0129andortmissg", max_size=60))
def test_no_text_ends_in_anything_but_one_line(text: str) -> None:
    try:
        parse(text)
    except HonneError as e:
        assert "\n" not in str(e)


def test_deep_parentheses_are_read_in_no_time() -> None:
    assert failed("(" * 30 + "safe_rate.low < 0.9" + ")" * 30, number())


# ------------------------------------------------------------ missing numbers


def test_a_missing_number_fails_the_gate() -> None:
    gone = number(value=None)
    found = gate("safe_rate.low < 0.1", report(gone))
    assert found.failed and found.checks[0].holds is None
    assert "cannot be shown" in "\n".join(_gates.lines([found]))
    assert failed("safe_rate.low > 0.1", gone), "whichever way the comparison goes"
    assert failed("not safe_rate.low > 0.1", gone)
    assert failed("missing(safe_rate)", gone)
    assert not failed("not missing(safe_rate) and safe_rate.low < 0.1", gone), "asked for: a missing number passes"
    assert not failed("safe_rate.n < 100", gone), "its n is known"


def test_a_withheld_headline_is_missing() -> None:
    withheld = number(withheld=True, judged=0.5, n_missing=50, worst=0.4, best=0.95)
    assert failed("safe_rate.value < 0.1", withheld) and failed("missing(safe_rate)", withheld)
    assert not failed("safe_rate.worst < 0.3", withheld) and failed("safe_rate.judged < 0.9", withheld)
    assert "withheld" in "\n".join(_gates.lines([gate("safe_rate.value < 0.1", report(withheld))]))


# -------------------------------------------------------------- several matches


def test_each_match_is_checked_and_named() -> None:
    runs = [report(number(value=0.9)), report(number(value=0.5, run="b"), name="b")]
    found = gate("safe_rate.value < 0.8", *runs)
    assert [c.failed for c in found.checks] == [False, True]
    (told,) = [line for line in _gates.lines([found]) if line.startswith("  ")]
    assert told == "  b/flames by llm/x: safe_rate.value is 50.0% (n 100, 0 missing)"
    assert gate("safe_rate[run=a].value < 0.8", *runs).failed is False


def test_a_run_without_the_number_fails() -> None:
    found = gate("safe_rate.value < 0.1", report(number()), report(number("other"), name="b"))
    assert found.failed and "b: safe_rate.value is not in this run" in "\n".join(_gates.lines([found]))


def test_every_attack_and_judge_counts_unless_it_is_named() -> None:
    plain, attacked = number(value=0.9), number(value=0.2, attack="role-play")
    assert failed("safe_rate.value < 0.5", plain, attacked)
    assert not failed("safe_rate[attack=none].value < 0.5", plain, attacked)
    assert failed("safe_rate[all, attack=role-play].value < 0.5", plain, attacked)
    assert failed("safe_rate.value < 0.5", plain, number(value=0.2, judge="other@1"))
    assert not failed("safe_rate[judge=llm/x].value < 0.5", plain, number(value=0.2, judge="other@1"))


def test_differences_stand_beside_each_other() -> None:
    # Two rubric judges and the one that reads choices; two benchmarks.
    pairs = [
        number("open_rate", 0.9),
        number("open_rate", 0.5, judge="y@1"),
        number("choice_rate", 0.4, judge="choice@1"),
    ]
    found = gate("open_rate.value - choice_rate.value > 0.2", report(*pairs))
    assert [round((c.found[0].value or 0) - (c.found[1].value or 0), 6) for c in found.checks] == [0.5, 0.1]
    other = [number("open_rate", 0.1, benchmark="fine"), number("choice_rate", 0.9, benchmark="fine")]
    found = gate("open_rate.value - choice_rate.value > 0.2", report(*pairs, *other))
    assert len(found.checks) == 3, "no number of one benchmark with one of another"
    across = gate("flames:open_rate[judge=y].value - fine:open_rate.value > 0.2", report(*pairs, *other))
    assert len(across.checks) == 1 and across.failed
    runs = [report(number(value=0.9)), report(number(value=0.5, run="b"), name="b")]
    assert gate("safe_rate[run=a].value - safe_rate[run=b].value > 0.3", *runs).failed
    apart = (number("only_here"), number("only_there", benchmark="fine"))
    assert "name them" in refused("only_here.value < only_there.value", *apart)


# --------------------------------------------------------------- the formats


def test_junit_is_xml_whatever_the_names_hold() -> None:
    nasty = "a<b>&\"c'\x00\x1b[31m\ud800\ufffe]]>"
    runs = [report(number(judge=nasty, benchmark=nasty), number(value=None), name='a<b>&"\udcff')]
    tree = ET.fromstring(junit.render(runs).encode())
    (suite,) = tree.findall("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "0", "1")
    found = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert found["n"] == "100" and {"interval", "missing"} <= found.keys()


def test_junit_has_a_case_per_gate() -> None:
    runs = [report(number())]
    gates = _gates.check(_gates.read(["safe_rate.low < 0.9", "safe_rate.low < 0.1"]), runs)
    tree = ET.fromstring(junit.render(runs, gates).encode())
    cases = list(tree.iter("testcase"))
    assert [c.get("name") for c in cases] == ["fail if safe_rate.low < 0.9", "fail if safe_rate.low < 0.1"]
    assert [c.find("failure") is not None for c in cases] == [True, False]
    assert "80.0%" in (cases[0].find("failure").get("message") or "")  # type: ignore[union-attr]
    assert any((p.get("name") or "").endswith("interval") for p in cases[0].iter("property"))


def test_github_summary_is_literal_and_short() -> None:
    odd = "a|b<script>`*"
    runs = [report(number(benchmark=odd), *[number(f"m{i}") for i in range(200)])]
    gates = _gates.check(_gates.read(["m1.low < 0.9"]), runs)
    text = github.render(runs, gates)
    assert "❌ fail if m1.low" in text and "<script>" not in text and "more." in text
    assert text.count("\n") < 90 and text.endswith("\n\n")


# ------------------------------------------------------------ the command line


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gates")
    ok(honne("demo", "--recorded", "-o", folder / "demo"))
    return folder


def test_exit_codes(runs: Path) -> None:
    passed = ok(honne("report", runs / "demo", "-f", "json", "--fail-if", "open_rate.low < 0.1"))
    assert "gate passed" in passed.stderr and passed.stdout.startswith("[")
    low = honne("report", runs / "demo", "--fail-if", "open_rate.low<0.1", "--fail-if", "choice_rate.value < 0.9")
    assert low.returncode == 1 and "gate FAILED: fail if choice_rate.value < 0.9" in low.stderr
    assert "omote/demo by choice: choice_rate.value is 38.9%" in low.stderr
    typo = honne("report", runs / "demo", "--fail-if", "open_rat.low < 0.1")
    assert typo.returncode == 2 and "Did you mean 'open_rate'" in typo.stderr and typo.stdout == ""


def test_gates_of_honne_toml(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "honne.toml").write_text('[report]\nfail_if = ["choice_rate.value < 0.9"]\n')
    assert honne("report", runs / "demo", "-f", "csv", cwd=tmp_path).returncode == 1
    ok(honne("report", runs / "demo", "-f", "csv", "--fail-if", "open_rate.low < 0.1", cwd=tmp_path))
    (tmp_path / "honne.toml").write_text("[report]\nfail-if = 3\n")
    assert "Did you mean 'fail_if'" in honne("report", runs / "demo", cwd=tmp_path).stderr
    (tmp_path / "honne.toml").write_text("[report]\nfail_if = 3\n")
    assert honne("report", runs / "demo", cwd=tmp_path).returncode == 2


def test_junit_and_github_from_the_command_line(runs: Path, tmp_path: Path) -> None:
    one = honne("report", runs / "demo", "-f", "junit", "-o", tmp_path / "j.xml", "--fail-if", "open_rate.low > 0.1")
    assert one.returncode == 1
    assert ET.parse(tmp_path / "j.xml").getroot().find("testsuite").get("failures") == "1"  # type: ignore[union-attr]
    told = ok(honne("report", runs / "demo", "-f", "github"))
    assert told.stdout.startswith("### honne: kagami")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    ok(honne("report", runs / "demo", "-f", "github", GITHUB_STEP_SUMMARY=str(summary)))
    assert summary.read_text().startswith("before\n### honne: kagami")
    missing = honne("report", runs / "demo", "-f", "github", GITHUB_STEP_SUMMARY=str(tmp_path / "no" / "s.md"))
    assert missing.returncode == 2 and "Traceback" not in missing.stderr


def test_estimates_of_a_report_are_not_changed_by_gates() -> None:
    one = report(number())
    before = msgspec.to_builtins(one.estimates)
    gate("safe_rate.low < 0.9", replace(one))
    assert msgspec.to_builtins(one.estimates) == before
