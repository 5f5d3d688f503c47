"""Answers and labels that exist already, read from files."""

from honne.importers._benchmark import ImportBenchmark
from honne.importers.tabular import ImportedRun, read_import

__all__ = ["ImportBenchmark", "ImportedRun", "read_import"]
