"""SPEC strings, their options, honne.toml and redaction.

A SPEC is `provider/name[?option=value&…]`. Values may be percent-encoded (an `&` inside a value must be `%26`). A
secret never survives parsing: a URL with user info or a query is moved to `Spec.secrets`, which is neither printed nor
stored, and `Spec.options` keep it with `***` for the user info and for every value of the query.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from honne.errors import ConfigError, unknown

__all__ = ["Config", "Defaults", "Spec", "gates_of", "load_config", "parse", "public_url", "read_options", "slug"]

_SECRET_OPTIONS = re.compile(r"(^|[._-])(api_?key|token|password|passwd|secret|authorization)$", re.I)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.I)
_LOGIN = re.compile(r"//[^/?#]*@")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


@dataclass(frozen=True)
class Spec:
    """A parsed SPEC. `options` hold redacted text; `secrets` the originals of the options that were redacted."""

    provider: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def label(self) -> str:
        """`provider/name`, the short name used in tables and keys."""
        return f"{self.provider}/{self.name}" if self.name else self.provider

    @property
    def public(self) -> str:
        """The SPEC as text that may be stored and printed."""
        tail = "&".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.label}?{tail}" if tail else self.label

    @property
    def real(self) -> Mapping[str, str]:
        """All options with their real values: never print or store them."""
        return {k: self.secrets.get(k, v) for k, v in self.options.items()}

    def secret(self, option: str) -> str | None:
        """The real value of an option, also where it was redacted."""
        return self.secrets.get(option, self.options.get(option))

    def split(self, prefix: str) -> tuple[Spec, dict[str, str]]:
        """Take the options that start with `prefix.` away: the rest as a Spec, and those without the prefix."""
        dot = prefix + "."
        own = {k[len(dot) :]: v for k, v in self.options.items() if k.startswith(dot)}
        rest = {k: v for k, v in self.options.items() if not k.startswith(dot)}
        return Spec(self.provider, self.name, rest, self.secrets), own


def parse(text: str, named: Mapping[str, Mapping[str, Any]] | None = None) -> Spec:
    """Read a SPEC, or the name of one in honne.toml (`named`: its tables by name).

    Raises ConfigError for an empty or malformed SPEC and for an option that carries a key in clear text.
    """
    text = text.strip()
    head, _, tail = text.partition("?")
    if named and head in named:
        table = dict(named[head])
        spec = table.pop("spec", None)
        if not isinstance(spec, str):
            raise ConfigError(f'honne.toml: {head!r} needs spec = "provider/name"')
        extra = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in _flat(table).items()}
        base = parse(spec)
        over = parse(f"{base.label}?{tail}") if tail else Spec(base.provider, base.name)
        return _redacted(base.provider, base.name, {**base.real, **extra, **over.real})
    provider, _, name = head.partition("/")
    if not provider:
        raise ConfigError(f"empty SPEC {text!r}: expected provider/name[?option=value&…]")
    options: dict[str, str] = {}
    for part in tail.split("&") if tail else ():
        key, eq, value = part.partition("=")
        key = unquote(key)
        if not key or not eq:
            raise ConfigError(f"SPEC {head!r}: option {unquote(part)!r} is not of the form option=value")
        if key in options:
            raise ConfigError(f"SPEC {head!r}: option {key!r} is given twice")
        options[key] = unquote(value)
    return _redacted(provider, name, options)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            out |= _flat(value, f"{prefix}{key}.")
        else:
            out[prefix + key] = value
    return out


def _redacted(provider: str, name: str, options: dict[str, str]) -> Spec:
    secrets: dict[str, str] = {}
    clean: dict[str, str] = {}
    for key, value in options.items():
        if _SECRET_OPTIONS.search(key):
            raise ConfigError(
                f"SPEC {provider}/{name}: option {key!r} would put a key in clear text; "
                "put it in an environment variable and name that with key_env=VARIABLE"
            )
        clean[key] = public_url(value) if _URL.fullmatch(value) or key.endswith("url") else value
        if clean[key] != value:
            secrets[key] = value
    return Spec(provider, name, clean, secrets)


def public_url(url: str) -> str:
    """A URL that may be shown: `***` for user info, for every value of the query (names stay), and for a fragment.

    It works on the text, so that what is no valid URL (and will be refused as one) gives nothing away either.
    """
    address, hash_, _ = url.partition("#")
    address, mark, query = address.partition("?")
    shown = "&".join(f"{name}=***" if eq else "***" for name, eq, _ in (p.partition("=") for p in query.split("&")))
    return _LOGIN.sub("//***@", address, count=1) + (f"?{shown}" if mark else "") + ("#***" if hash_ else "")


def read_options(spec: Spec, kinds: Mapping[str, type], *, open_prefix: str | None = None) -> dict[str, Any]:
    """The options of `spec` converted to `kinds` (str, int, float, bool); absent ones are left out.

    `open_prefix` admits any option that starts with it (as text). Raises ConfigError for an unknown option, with the
    nearest match, or for a value of the wrong kind.
    """
    out: dict[str, Any] = {}
    for key, value in spec.options.items():
        if open_prefix and key.startswith(open_prefix):
            out[key] = value
            continue
        if key not in kinds:
            raise ConfigError(f"{spec.label}: {unknown('option', key, kinds)}")
        out[key] = _convert(spec.label, key, value, kinds[key])
    return out


def _convert(label: str, key: str, value: str, kind: type) -> Any:
    try:
        if kind is bool:
            low = value.lower()
            if low not in _TRUE | _FALSE:
                raise ValueError(value)
            return low in _TRUE
        return kind(value)
    except ValueError:
        word = {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, kind.__name__)
        raise ConfigError(f"{label}: option {key}={value!r} must be {word}") from None


def slug(text: str) -> str:
    """A name for a file or folder: letters (of any script), digits, `.`, `-`, `_`, `@`; never empty, `.` or hidden."""
    out = re.sub(r"[^\w.@\-]+", "-", text).strip("-.")
    encoded = out.encode()[:120].decode(errors="ignore")
    return encoded or "unnamed"


@dataclass(frozen=True)
class Config:
    """honne.toml: named SPECs (`[models.NAME]`, `[judges.NAME]`, `[benchmarks.NAME]`), defaults of commands."""

    path: Path | None = None
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    judges: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    benchmarks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Defaults:
    """The `[run]` table of honne.toml: what `honne run` takes where the command line says nothing."""

    benchmarks: list[str] = field(default_factory=list)
    model: list[str] = field(default_factory=list)
    judge: list[str] = field(default_factory=list)
    attack: list[str] = field(default_factory=list)
    translator: str | None = None
    out: str | None = None
    limit: int | None = None
    samples: int = 1
    seed: int = 0
    paper_rules: bool = False

    @classmethod
    def of(cls, config: Config) -> Defaults:
        """Raises ConfigError for a key that does not exist or a value of another kind."""
        kinds: dict[str, type] = {"benchmarks": list, "model": list, "judge": list, "attack": list}
        kinds |= {"translator": str, "out": str, "paper_rules": bool}
        kinds |= dict.fromkeys(("limit", "samples", "seed"), int)
        words = {list: "a text or a list of texts", str: "a text", int: "a whole number", bool: "true or false"}
        found: dict[str, Any] = {}
        for key, value in config.commands.get("run", {}).items():
            where = f"{config.path}: [run]"
            if key not in kinds:
                raise ConfigError(f"{where} {unknown('key', key, kinds)}")
            kind = kinds[key]
            listed: Any = [value] if kind is list and isinstance(value, str) else value
            if type(listed) is not kind or (isinstance(listed, list) and not all(isinstance(x, str) for x in listed)):
                raise ConfigError(f"{where} {key} = {value!r} must be {words[kind]}")
            found[key] = listed
        return cls(**found)


def gates_of(config: Config) -> list[str]:
    """`fail_if` of the `[report]` table of honne.toml: what `honne report` takes without --fail-if.

    Raises ConfigError for a key that does not exist or a value of another kind.
    """
    table = config.commands.get("report", {})
    where = f"{config.path}: [report]"
    for key in table:
        if key != "fail_if":
            raise ConfigError(f"{where} {unknown('key', key, ('fail_if',))}")
    found: Any = table.get("fail_if", [])
    listed = [found] if isinstance(found, str) else found
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise ConfigError(f"{where} fail_if = {found!r} must be a text or a list of texts")
    return listed


_NAMED = ("models", "judges", "benchmarks")
_DEEPEST = 16


def load_config(path: Path | None = None, start: Path | None = None, commands: Iterable[str] = ()) -> Config:
    """Read `path`, or the first honne.toml from `start` (default: the working directory) upward.

    Raises ConfigError when the file is missing, is not TOML, or has a table that is neither a kind of SPEC nor one of
    `commands`.
    """
    if path is None:
        here = (start or Path.cwd()).resolve()
        path = next((d / "honne.toml" for d in (here, *here.parents) if (d / "honne.toml").is_file()), None)
        if path is None:
            return Config()
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as e:
        raise ConfigError(f"cannot read {path}: {e.strerror or e}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: it is nested too deeply") from None
    except ValueError as e:  # no TOML, not UTF-8, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {e}") from None
    _check_sizes(raw, path)
    allowed = (*_NAMED, *commands)
    for key, value in raw.items():
        if key not in allowed:
            raise ConfigError(f"{path}: {unknown('table', key, allowed)}")
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: [{key}] must be a table")
        if key in _NAMED and not all(isinstance(v, dict) for v in value.values()):
            raise ConfigError(f'{path}: write [{key}.NAME] with spec = "provider/name"')
    return Config(
        path,
        models=raw.get("models", {}),
        judges=raw.get("judges", {}),
        benchmarks=raw.get("benchmarks", {}),
        commands={k: v for k, v in raw.items() if k not in _NAMED},
    )


def _check_sizes(raw: Mapping[str, Any], path: Path) -> None:
    """Raises ConfigError for what no set-up needs and the code behind cannot carry."""
    waiting: list[tuple[Any, int]] = [(raw, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise ConfigError(f"{path}: tables and lists may be nested {_DEEPEST} deep")
        if isinstance(value, int) and value.bit_length() > 63:
            raise ConfigError(f"{path}: a whole number of {value.bit_length()} bits is too large")
        if isinstance(value, str) and "\0" in value:
            raise ConfigError(f"{path}: a text with a zero byte in it names nothing: {value!r}")
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        waiting += ((v, depth + 1) for v in inner)


def env(name: str) -> str | None:
    """An environment variable; empty counts as unset."""
    return os.environ.get(name) or None
