"""Maps URL paths to files, for applications that serve a page without a web framework."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

StaticFiles: TypeAlias = "Mapping[str, str | dict[str, str]]"

content_types: dict[str, str] = {
    "css": "text/css",
    "gif": "image/gif",
    "html": "text/html",
    "jpg": "image/jpeg",
    "js": "application/javascript",
    "json": "application/json",
    "png": "image/png",
    "txt": "text/plain",
}

DEFAULT_CONTENT_TYPE = "application/octet-stream"
DEFAULT_FILE = "index.html"


def get_static_file(path: str, static_files: StaticFiles) -> dict[str, str] | None:
    """Find the file that a URL path stands for.

    :param path: the URL path, for example ``/static/app.js``.
    :param static_files: URL paths mapped to files or directories, or to dicts with ``filename``
        and ``content_type``.  Key ``''`` names the default file of directories.

    Returns a dict with ``filename`` and ``content_type``, or ``None``.  A file outside of the
    mapped directory is never returned, whatever the path or a symbolic link says.
    """
    found = _find(path, static_files)
    if found is None:
        return None
    root, rest, content_type = found
    filename = root + rest
    if filename.endswith("/"):
        default = static_files.get("", DEFAULT_FILE)
        if isinstance(default, dict):
            filename += default["filename"]
            content_type = default.get("content_type", content_type)
        else:
            filename += default
    # what is part of a directory's content must stay inside
    if (rest or root.endswith("/")) and not _is_inside(root, filename):
        return None
    if not os.path.isfile(filename):
        return None
    if content_type is None:
        extension = filename.rsplit(".", 1)[-1].lower()
        content_type = content_types.get(extension, DEFAULT_CONTENT_TYPE)
    return {"filename": filename, "content_type": content_type}


def _find(path: str, static_files: StaticFiles) -> tuple[str, str, str | None] | None:
    """The mapped name, what of the path follows it, and the explicit content type."""
    prefix, rest = path, ""
    while True:
        for key in (prefix, prefix + "/") if rest or prefix != path else (prefix,):
            rule = static_files.get(key) if key else None
            if rule is not None:
                root, content_type = _unpack(rule)
                return root, rest.lstrip("/") if root.endswith("/") else rest, content_type
        if "/" not in prefix:
            return None
        prefix, _, last = prefix.rpartition("/")
        rest = f"/{last}{rest}"


def _is_inside(root: str, filename: str) -> bool:
    try:
        real = os.path.realpath(filename)
    except ValueError:  # a name that no file can have: with NUL, or not encodable
        return False
    return real.startswith(os.path.realpath(root).rstrip(os.sep) + os.sep)


def _unpack(rule: str | dict[str, str]) -> tuple[str, str | None]:
    if isinstance(rule, str):
        return rule, None
    return rule["filename"], rule.get("content_type")
