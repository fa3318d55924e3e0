from __future__ import annotations

from socketio._core.observer import Observer


def test_nothing_needs_to_be_overridden() -> None:
    observer = Observer()

    observer.connected("sid", "/")
    observer.disconnected("sid", "/", "reason")
    observer.upgraded("sid", "/")
    observer.received("sid", "/", ["event"])
    observer.sent(["sid"], "/", ["event"])
    observer.entered("sid", "/", "room")
    observer.left("sid", "/", "room")
    observer.heard("/", None, "event", None)

    assert not observer.listens_to("/", None)
    assert vars(observer) == {}
