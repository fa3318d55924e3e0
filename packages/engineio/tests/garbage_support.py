"""What waits for the garbage collector."""

from __future__ import annotations

import gc


class CollectedByHand:
    """Garbage is collected when it is asked for, and looked at."""

    def __init__(self) -> None:
        self.ours: list[str] = []

    def __enter__(self) -> CollectedByHand:
        gc.collect()
        gc.disable()
        # what is there already is not ours: the threads of an earlier test may only end now
        gc.freeze()
        gc.set_debug(gc.DEBUG_SAVEALL)
        return self

    def __exit__(self, *error: object) -> None:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.unfreeze()
        gc.enable()

    def collect(self) -> None:
        gc.collect()
        names = [f"{type(item).__module__}.{type(item).__name__}" for item in gc.garbage]
        self.ours = [name for name in names if name.startswith(("engineio.", "socketio."))]
