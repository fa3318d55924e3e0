"""Fails unless each `_core` module is fully covered, branches included, by its own test file.

Reads the coverage data that `make test` recorded with one context per test. What ran while the
modules were imported belongs to no test and counts for everyone.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import coverage
from coverage.exceptions import NoDataError

ROOT = Path(__file__).resolve().parents[2]


def missing_coverage(cov: coverage.Coverage, module: Path) -> str:
    """Return what the module's own tests leave out, or an empty string."""
    package = module.relative_to(ROOT / "packages").parts[0]
    own_tests = f"packages/{package}/tests/_core/test_{module.stem}.py"
    if not (ROOT / own_tests).exists():
        return f"{module.relative_to(ROOT)}: {own_tests} does not exist\n"
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
    failures = [text for module in modules if (text := missing_coverage(cov, module))]
    print(*failures, sep="\n", end="")
    print(f"{len(modules) - len(failures)} of {len(modules)} core modules are fully covered")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
