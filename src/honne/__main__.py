"""`python -m honne`, and the `honne` command: every outcome becomes one line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import time

import typer

from honne.cli import app
from honne.errors import HonneError, unknown

# What typer makes of Ctrl-C.
_INTERRUPTED = 130
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Seconds in which a launcher ends the other processes once one has ended.
_FIRST = 5.0
# Characters of a message that are looked at; and a word longer than any path, which is shown by its two ends.
_MOST = 20_000
_LONG = re.compile(r"(\S{200})\S{300,}(\S{60})")


def main() -> None:
    """Run the command line and turn every outcome into one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding shows a substitute for what it lacks; it never ends a run that is done.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = app(prog_name="honne", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        # Here, and not at the very end, where nobody could say any more what went wrong.
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except HonneError as e:
        _complain(f"honne: {_one_line(str(e))}")
        sys.exit(e.exit_code)
    except typer.TyperException as e:
        _complain(_usage(e))
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        _complain("honne: interrupted")
        sys.exit(3)
    except BrokenPipeError:
        _hush()
        sys.exit(0)
    except OSError as e:
        # Whatever a file or folder that somebody named does: too long a name, no permission, a loop of links, no space.
        where = f"{e.filename}: " if e.filename is not None else ""
        _complain(f"honne: {_one_line(f'{where}{e.strerror or e}')}")
        try:
            sys.stdout.flush()
        except OSError:
            _hush()
        sys.exit(3 if e.errno in _FULL else 2)
    except Exception as e:
        import traceback

        traceback.print_exc()
        what = f"{type(e).__name__}: {_one_line(str(e))}"
        _complain(f"honne: a bug in honne, please report it with the lines above: {what}")
        sys.exit(4)


def _hush() -> None:
    """Drop what standard output still holds: to write it at the end would fail once more, and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(text: str) -> str:
    """One line that a terminal does not obey, whatever a file, a server or an argument put into it."""
    from honne.report._text import clean

    return _LONG.sub(r"\1…\2", " ".join(clean(text[:_MOST]).split()))


def _usage(error: typer.TyperException) -> str:
    """One line for wrong usage, naming the command whose help says more."""
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:
        return f"honne: {_one_line(text)}"
    group = getattr(context.command, "commands", None)
    if text.startswith("No such command") and group is not None:
        return f"honne: {_one_line(unknown('command', text.split(chr(39))[1], group))}"
    if type(error).__name__ == "NoArgsIsHelpError":
        return text
    return f"honne: {_one_line(text)} (see {context.command_path} --help)"


def _complain(text: str) -> None:
    if os.environ.get("RANK", "0") != "0" and "LOCAL_RANK" in os.environ:
        # Of the processes of a launcher the first speaks; its end ends the others, unless the trouble is theirs alone.
        time.sleep(_FIRST)
    typer.echo(text, err=True)


if __name__ == "__main__":
    main()
