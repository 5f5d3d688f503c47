"""Dataset files: found, compared, fetched from a real local server, and read strictly."""

from __future__ import annotations

import gzip
import hashlib
import resource
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from honne import data
from honne.errors import ConfigError, DataError
from honne.plugins import Source
from honne.rows import decode, parse_rows

TEXT = b'{"q": "eins"}\n{"q": "zwei"}\n'


def source(url: str = "http://127.0.0.1:9/x", content: bytes = TEXT, file: str = "a.jsonl") -> Source:
    return Source("toy", file, url, hashlib.sha256(content).hexdigest(), len(content), "CC0")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no HONNE_DATA and no proxy."""
    for name in (
        "HONNE_DATA",
        "HONNE_DATA_URL",
        "XDG_CACHE_HOME",
        "http_proxy",
        "HTTP_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HONNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which it is served."""
    folder = tmp_path / "served"
    (folder / "toy").mkdir(parents=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def kept(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


# ---------------------------------------------------------------- finding


@pytest.mark.parametrize("packed", [False, True])
def test_honne_data_comes_first_and_gz_is_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    own, cached = tmp_path / "own" / "toy", data.cache_path(source())
    own.mkdir(parents=True)
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"another copy")
    path = own / ("a.jsonl.gz" if packed else "a.jsonl")
    path.write_bytes(gzip.compress(TEXT) if packed else TEXT)
    monkeypatch.setenv("HONNE_DATA", str(tmp_path / "own"))
    found = data.resolve(source())
    assert (found.path, found.where, found.matches) == (path, "HONNE_DATA", True)
    assert [row.fields["q"] for row in data.read_rows(source())] == ["eins", "zwei"]


def test_a_copy_that_differs_is_used_and_said_so() -> None:
    path = data.cache_path(source())
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT + b"\n")
    found = data.resolve(source())
    assert (found.where, found.matches) == ("cache", False)
    assert found.sha256 == hashlib.sha256(TEXT + b"\n").hexdigest()
    assert len(data.read_rows(source())) == 2


def test_the_cache_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HONNE_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert data.cache_path(source()) == tmp_path / "xdg" / "honne" / "data" / "toy" / "a.jsonl"


def test_a_missing_file_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data.locate(source()) is None
    with pytest.raises(DataError, match=r"toy/a.jsonl .*honne data fetch toy.*HONNE_DATA"):
        data.resolve(source())
    (tmp_path / "wrong" / "toys").mkdir(parents=True)
    monkeypatch.setenv("HONNE_DATA", str(tmp_path / "wrong"))
    with pytest.raises(DataError, match=r"which holds toys \(did you mean toys\?\).*honne data fetch toy"):
        data.resolve(source())
    monkeypatch.setenv("HONNE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="nowhere is not a folder"):
        data.resolve(source())


def test_a_cut_gzip_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own" / "toy").mkdir(parents=True)
    (tmp_path / "own" / "toy" / "a.jsonl.gz").write_bytes(gzip.compress(TEXT)[:-9])
    monkeypatch.setenv("HONNE_DATA", str(tmp_path / "own"))
    with pytest.raises(DataError, match=r"a.jsonl.gz: not a complete gzip file"):
        data.resolve(source())


def test_the_catalogue_names_the_benchmarks_files() -> None:
    files = {(s.dataset, s.file) for s in data.catalogue()}
    assert {("flames", "Flames_1k_Chinese.jsonl"), ("fine", "safety.jsonl"), ("xstest", "xstest_prompts.csv")} <= files
    assert all(len(s.sha256) == 64 and s.bytes and s.licence for s in data.catalogue())
    assert {s.file for s in data.catalogue() if not s.url.startswith("https://")} == {"automated_labels.csv"}
    assert {s.file for s in data.named("xstest")} >= {"xstest_prompts.csv", "completions/gpt4.csv"}
    with pytest.raises(ConfigError, match=r"unknown dataset 'flame'. Did you mean 'flames'"):
        data.named("flame")


def test_the_real_files_are_what_was_published(honne_data: Path) -> None:
    for one in data.catalogue():
        found, content = data.load(one)
        if (one.dataset, one.file) == ("llm_eval", "safety.jsonl") and not found.matches:
            continue  # a few answers are cut out of the copy at hand
        assert found.matches, one
        assert len(content) == one.bytes, one


# --------------------------------------------------------------- fetching


def test_fetch_keeps_a_right_file_and_asks_only_once(served: tuple[Path, str]) -> None:
    folder, base = served
    (folder / "x").write_bytes(TEXT)
    path = data.fetch(source(f"{base}/x"))
    assert path == data.cache_path(source())
    assert path.read_bytes() == TEXT
    assert data.resolve(source()).matches
    (folder / "x").unlink()
    assert data.fetch(source(f"{base}/x")) == path
    assert kept(path.parent) == [path]


@pytest.mark.parametrize("wrong", [b"short", TEXT.replace(b"e", b"a"), TEXT * 50])
def test_fetch_refuses_a_wrong_file(served: tuple[Path, str], home: Path, wrong: bytes) -> None:
    folder, base = served
    (folder / "x").write_bytes(wrong)
    with pytest.raises(DataError, match=r"/x: not the published file: .* expected 28 bytes .* nothing was kept"):
        data.fetch(source(f"{base}/x"))
    assert kept(home) == []


def test_fetch_leaves_the_users_own_copy_when_it_fails(served: tuple[Path, str]) -> None:
    folder, base = served
    (folder / "x").write_bytes(b"wrong")
    mine = data.cache_path(source())
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match="not the published file"):
        data.fetch(source(f"{base}/x"))
    assert mine.read_bytes() == b"mine"
    (folder / "x").write_bytes(TEXT)
    data.fetch(source(f"{base}/x"))
    assert mine.read_bytes() == TEXT


@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_mirror_has_the_layout_of_honne_data(
    served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    folder, base = served
    (folder / "toy" / "a.jsonl.gz").write_bytes(gzip.compress(TEXT))
    if by == "environment":
        monkeypatch.setenv("HONNE_DATA_URL", base)
    path = data.fetch(source(), base_url=None if by == "environment" else base + "/")
    assert path.read_bytes() == TEXT


def test_fetch_says_404_and_unreachable_in_one_line(served: tuple[Path, str], home: Path) -> None:
    _, base = served
    with pytest.raises(DataError, match=r"/gone: the server answered 404 File not found$"):
        data.fetch(source(f"{base}/gone"))
    with pytest.raises(DataError, match=r"toy/a.jsonl.gz: the server answered 404"):
        data.fetch(source(), base_url=base)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        free = s.getsockname()[1]
    with pytest.raises(DataError, match=r"cannot be reached \(Connection refused\)$"):
        data.fetch(source(f"http://127.0.0.1:{free}/x"))
    with pytest.raises(DataError, match=r"cannot be reached \("):
        data.fetch(source("http://host.invalid/x"))
    with pytest.raises(ConfigError, match="http"):
        data.fetch(source("file:///etc/hostname"))
    assert kept(home) == []


def test_fetch_gives_up_on_a_silent_server(home: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DataError, match=r"no data for 0.2 seconds|timed out"):
            data.fetch(source(f"http://127.0.0.1:{silent.getsockname()[1]}/x"), timeout=0.2)
    assert kept(home) == []


def test_fetch_goes_through_the_proxy(served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Proxy(Quiet):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(TEXT)))
            self.end_headers()
            self.wfile.write(TEXT)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("no_proxy", "")
    try:
        assert data.fetch(source("http://host.invalid/x")).read_bytes() == TEXT
    finally:
        server.shutdown()
        server.server_close()
    assert seen == ["http://host.invalid/x"]


def test_a_cache_that_cannot_be_written(served: tuple[Path, str], home: Path) -> None:
    folder, base = served
    (folder / "x").write_bytes(TEXT)
    home.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write .*HONNE_CACHE"):
        data.fetch(source(f"{base}/x"))


def test_a_write_that_fails_half_way_leaves_nothing(served: tuple[Path, str], home: Path) -> None:
    """A file size limit stands in for a full disk: both make write() fail half-way."""
    folder, base = served
    big = b"x" * 200_000
    (folder / "x").write_bytes(big)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write .*File too large"):
            data.fetch(source(f"{base}/x", big))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert kept(home) == []


# ---------------------------------------------------------------- reading


def test_broken_json_names_its_line() -> None:
    lines = ['{"q": "fine"}'] * 16 + ['{"q": "bro'] + ['{"q": "fine"}']
    with pytest.raises(DataError, match=r"^f.jsonl line 17: not valid JSON"):
        parse_rows("\n".join(lines), "f.jsonl", "f.jsonl")


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("[1]\n", "f.jsonl", "line 1: expected a JSON object, got a list"),
        ('{"a": NaN}', "f.jsonl", "line 1: not valid JSON"),
        ('{"a": 1}', "f.json", "expected a list of objects, got an object"),
        ('[{"a": 1}, 2]', "f.json", "entry 2: expected a JSON object, got a number"),
        ("a,b\n1,2\n3\n", "f.csv", "line 3: 1 fields, but the header has 2"),
        ('a,b\n1,"x\ny"\n3\n', "f.csv", "line 4: 1 fields"),
        ("a,a\n1,2\n", "f.csv", "line 1: column 'a' is named twice"),
        ('a\n"x" y\n', "f.csv", "line 2: not valid CSV"),
        ('a\n1\n"x\n', "f.csv", "line 3: not valid CSV"),
        ("a,b\n", "f.csv", "no rows"),
        ("\n\n", "f.jsonl", "no rows"),
        ("x", "f.txt", r"unknown kind of file '\.txt'"),
    ],
)
def test_a_bad_file_gives_one_clear_line(text: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parse_rows(text, name, name)
    assert "\n" not in str(caught.value)


def test_rows_know_their_place_and_their_text() -> None:
    rows = parse_rows('q\tn\n"a\nb"\t1\n\nc\t \n', "f.tsv.gz", "f.tsv.gz")
    assert [(row.where, dict(row.fields)) for row in rows] == [
        ("f.tsv.gz line 2", {"q": "a\nb", "n": "1"}),
        ("f.tsv.gz line 5", {"q": "c", "n": " "}),
    ]
    with pytest.raises(DataError, match=r"f.tsv.gz line 5: column 'n' is blank"):
        rows[1].text("n")
    with pytest.raises(DataError, match="column 'z' is missing"):
        rows[1].text("z")
    one = parse_rows('{"i": 7, "b": true, "f": 0.5, "l": [], "s": "x\u2028y"}', "f.jsonl", "f")[0]
    assert [one.optional(c) for c in "ibfs"] == ["7", "true", "0.5", "x\u2028y"]
    with pytest.raises(DataError, match="column 'l' holds a list, not text"):
        one.optional("l")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("他问我怎么办，我说不知道。", "gb18030"),
        ("彼は私に質問した。どうしよう", "cp932"),
        ("Où est le café, señor", "cp1252"),
    ],
)
def test_a_wrong_encoding_is_named_with_the_likely_one(text: str, encoding: str) -> None:
    raw = ("first line\n" + text).encode(encoding)
    with pytest.raises(DataError, match=rf"f.csv line 2: not valid UTF-8 .*looks like {encoding}"):
        decode(raw, "f.csv")
    assert decode(raw, "f.csv", encoding).endswith(text)


def test_byte_order_marks_are_honoured() -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert decode("q\né".encode(encoding), "f") == "q\né"
    with pytest.raises(ConfigError, match="unknown encoding 'utf-9'"):
        decode(b"x", "f", "utf-9")
