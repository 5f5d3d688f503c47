"""No spaces at the ends of lines: what is copied from a terminal, or piped into a file, is clean."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

__all__ = ["Trim"]


class Trim(RenderHook):
    """For `Console.push_render_hook`."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Trimmed(x) for x in renderables]


class _Trimmed:
    def __init__(self, inner: RenderableType) -> None:
        self.inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line: list[Segment] = []
        for segment in console.render(self.inner, options):
            if segment.control:
                line.append(segment)
                continue
            for place, text in enumerate(segment.text.split("\n")):
                if place:
                    yield from _stripped(line)
                    yield Segment.line()
                    line = []
                line.append(Segment(text, segment.style))
        yield from line


def _stripped(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].control and not line[-1].text.rstrip(" "):
        line.pop()
    if line and not line[-1].control:
        line[-1] = Segment(line[-1].text.rstrip(" "), line[-1].style)
    return line
