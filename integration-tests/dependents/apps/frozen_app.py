"""What a frozen application does: it imports its driver by name, from an archive."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import types

import engineio.async_drivers
import socketio

(mode,) = sys.argv[1:]
if mode == "gevent_uwsgi":
    sys.modules["uwsgi"] = types.ModuleType("uwsgi")  # only processes of uWSGI have it
driver = importlib.import_module(f"engineio.async_drivers.{mode}")
assert ".whl/" in driver.__file__, driver.__file__
make = socketio.AsyncServer if driver._async.get("asyncio") else socketio.Server
assert make(async_mode=mode).async_mode == mode

assert ".whl/" in engineio.__file__, engineio.__file__
print(*sorted(module.name for module in pkgutil.iter_modules(engineio.async_drivers.__path__)))
