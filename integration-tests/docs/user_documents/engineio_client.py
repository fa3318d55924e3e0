"""Clients of Engine.IO for threads: python engineio_client.py URL-OF-ENGINEIO_THREADS.PY"""

from __future__ import annotations

import sys
import threading

import engineio

url = sys.argv[1]
SOON = 15


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def the_first_example():
    eio = engineio.Client()

    @eio.on("connect")
    def on_connect():
        say("connection established")

    @eio.on("message")
    def on_message(data):
        say("message received with ", data)
        eio.send({"response": "my response"})

    @eio.on("disconnect")
    def on_disconnect():
        say("disconnected from server")

    eio.connect(url, engineio_path="talk")
    eio.wait()


def everything_else():
    eio = engineio.Client(logger=True)
    answered = threading.Event()

    # as a decorator:
    @eio.on("connect")
    def connect_handler():
        say("I'm connected!")

    # as a method:
    def message_handler(msg):
        say("Received message: ", msg)
        answered.set()

    eio.on("message", message_handler)
    eio.on("disconnect", lambda reason: say("I'm disconnected!", reason))

    def my_background_task(my_argument):
        eio.sleep(0.01)
        eio.send({"foo": my_argument})

    eio.connect(url, engineio_path="echo")
    say("my sid is", eio.sid, "over", eio.transport())
    eio.send({"foo": "bar"})
    answered.wait(SOON)
    answered.clear()
    task = eio.start_background_task(my_background_task, 123)
    answered.wait(SOON)
    task.join(SOON)
    eio.disconnect()
    eio.wait()


everything_else()
the_first_example()
