"""Clients of Engine.IO for threads: python engineio_client.py URL-OF-ENGINEIO_THREADS.PY"""

from __future__ import annotations

import sys
import threading

import engineio

url = sys.argv[1]
SOON = 15


def the_first_example():
    eio = engineio.Client()

    @eio.on("connect")
    def on_connect():
        print("connection established")

    @eio.on("message")
    def on_message(data):
        print("message received with ", data)
        eio.send({"response": "my response"})

    @eio.on("disconnect")
    def on_disconnect():
        print("disconnected from server")

    eio.connect(url, engineio_path="talk")
    eio.wait()


def everything_else():
    eio = engineio.Client(logger=True)
    answered = threading.Event()

    # as a decorator:
    @eio.on("connect")
    def connect_handler():
        print("I'm connected!")

    # as a method:
    def message_handler(msg):
        print("Received message: ", msg)
        answered.set()

    eio.on("message", message_handler)
    eio.on("disconnect", lambda reason: print("I'm disconnected!", reason))

    def my_background_task(my_argument):
        eio.sleep(0.01)
        eio.send({"foo": my_argument})

    eio.connect(url, engineio_path="echo")
    print("my sid is", eio.sid, "over", eio.transport())
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
