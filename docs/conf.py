"""How Sphinx builds the documentation; ``make docs`` does it, with warnings as errors."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "python-socketio"
author = "the python-socketio contributors"
version = release = version_of("python-socketio")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["examples/*/node_modules"]
html_theme = "furo"
html_title = f"python-socketio {release}"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]

myst_heading_anchors = 3

default_role = "code"  # a docstring's single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_maximum_signature_line_length = 88
# names in annotations that both packages have
suppress_warnings = ["ref.python"]
