"""Fails unless each `_core` module is fully covered, branches included, by its own test file.

Reads the coverage data that `make test` recorded with one context per test. What ran while the
modules were imported belongs to no test and counts for everyone.  A module that only declares types
needs no tests.
"""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

import coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parents[2]


def declares_only(module: Path) -> bool:
    """Whether no function has more than a docstring and ``...`` in it."""
    functions = [
        node
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    lines = [line for function in functions for line in function.body]
    return all(isinstance(x, ast.Expr) and isinstance(x.value, ast.Constant) for x in lines)


def missing_coverage(cov: coverage.Coverage, module: Path) -> str:
    """Return what the module's own tests leave out, or an empty string."""
    package = module.relative_to(ROOT / "packages").parts[0]
    own_tests = f"packages/{package}/tests/_core/test_{module.stem}.py"
    report = io.StringIO()
    try:
        percent = cov.report(
            morfs=[str(module)], contexts=["^$", f"^{own_tests}::"], show_missing=True, file=report
        )
    except NoDataError:
        return f"{module.relative_to(ROOT)}: never imported by the tests\n"
    return "" if percent == 100 else f"{own_tests} leaves out:\n{report.getvalue()}\n"


def main() -> int:
    cov = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    cov.load()
    modules = sorted(ROOT.glob("packages/*/src/*/_core/[!_]*.py"))
    modules = [module for module in modules if not declares_only(module)]
    failures = [text for module in modules if (text := missing_coverage(cov, module))]
    print(*failures, sep="\n", end="")
    print(f"{len(modules) - len(failures)} of {len(modules)} core modules are fully covered")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
