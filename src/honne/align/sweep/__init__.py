"""`honne sweep`: many methods from one start on the same pairs, measured again, and one chosen by a stated rule."""

from honne.align.sweep._choice import RULE, Choice
from honne.align.sweep._exam import Exam
from honne.align.sweep._recipes import Recipe, recipes
from honne.align.sweep._record import Cell, Row, Sweep
from honne.align.sweep._sweep import sweep
from honne.align.sweep._wanted import Wanted

__all__ = ["RULE", "Cell", "Choice", "Exam", "Recipe", "Row", "Sweep", "Wanted", "recipes", "sweep"]
