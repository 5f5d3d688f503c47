"""`honne sweep`: many methods from one start on one or several sets of pairs, measured again; one chosen by a rule."""

from honne.align.sweep._choice import RULE, Choice
from honne.align.sweep._exam import Exam
from honne.align.sweep._recipes import Recipe, recipes
from honne.align.sweep._record import Cell, PairSet, Row, Sweep
from honne.align.sweep._sets import on_each
from honne.align.sweep._sweep import sweep
from honne.align.sweep._wanted import Wanted

__all__ = [
    "RULE",
    "Cell",
    "Choice",
    "Exam",
    "PairSet",
    "Recipe",
    "Row",
    "Sweep",
    "Wanted",
    "on_each",
    "recipes",
    "sweep",
]
