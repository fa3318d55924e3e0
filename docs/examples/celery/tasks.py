"""The slow work.  A Celery worker does it and tells the page that waits how far it is.

celery -A tasks worker
"""

from __future__ import annotations

import os
import time

from celery import Celery

import socketio

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

app = Celery("tasks", broker=REDIS_URL)
app.conf.broker_connection_retry_on_startup = True
sio = socketio.RedisManager(REDIS_URL, write_only=True)


@app.task
def bake(job: str, cakes: int, seconds: float = 0.5) -> None:
    """Bake some cakes, one after the other; who follows the job sees each of them."""
    for baked in range(cakes + 1):
        if baked:
            time.sleep(seconds)
        sio.emit("progress", {"job": job, "done": baked, "total": cakes}, room=job)
