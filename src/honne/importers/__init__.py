"""Answers and labels that exist already, read from files: one importer a format."""

from honne.importers._benchmark import ImportBenchmark
from honne.importers._detect import read_import
from honne.importers._found import ImportedRun

__all__ = ["ImportBenchmark", "ImportedRun", "read_import"]
