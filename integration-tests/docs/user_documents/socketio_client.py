"""Clients of Socket.IO for threads: python socketio_client.py URL-OF-SOCKETIO_THREADS.PY"""

from __future__ import annotations

import sys
import threading

import socketio

url = sys.argv[1]
SOON = 15


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def everything_else():
    sio = socketio.Client(logger=True, engineio_logger=True)
    answered = threading.Event()

    @sio.event
    def connect():
        say("I'm connected!")

    @sio.event
    def disconnect():
        say("I'm disconnected!")

    @sio.event
    def several(*data):
        say("several", data)
        answered.set()

    @sio.on("my event")
    def on_message(data):
        say("I received my event", data)
        answered.set()

    @sio.on("*")
    def catch_all(event, data):
        say("caught", event, data)
        answered.set()

    @sio.event
    def my_event(one, two):
        # handle the message
        return "OK", 123

    def is_acknowledged(*answer):
        say("callback", answer)
        answered.set()

    def my_background_task(my_argument):
        sio.sleep(0.01)
        sio.emit("ask_me")
        say("background", my_argument)

    sio.connect(url, socketio_path="handlers")
    say("my sid is", sio.sid)
    say("answer", sio.call("my_event", {"foo": "bar"}, timeout=SOON))
    sio.emit("several", ("text", b"\x00", [1], {"foo": "bar"}))
    answered.wait(SOON)
    answered.clear()
    sio.emit("just_me", {"foo": "bar"})
    answered.wait(SOON)
    answered.clear()
    sio.emit("my_event", {"foo": "bar"}, callback=is_acknowledged)
    answered.wait(SOON)
    answered.clear()
    task = sio.start_background_task(my_background_task, 123)
    answered.wait(SOON)
    task.join(SOON)
    sio.disconnect()
    sio.wait()


def namespaces():
    sio = socketio.Client()
    answered, heard = threading.Event(), threading.Event()

    @sio.event(namespace="/chat")
    def said(data):
        say("said", data)
        heard.set()

    @sio.on("connect", namespace="/chat")
    def on_connect():
        say("I'm connected to the /chat namespace!")

    class MyCustomNamespace(socketio.ClientNamespace):
        def on_connect(self):
            self.emit("my_event", "from a class")

        def on_disconnect(self):
            say("the class is disconnected")

        def on_my_response(self, data):
            say("my_response", data)
            answered.set()

    sio.register_namespace(MyCustomNamespace("/test"))
    sio.connect(url, namespaces=["/chat", "/test"], socketio_path="namespaces")
    sio.emit("my_custom_event", {"foo": "bar"}, namespace="/chat")
    say("answer", sio.call("my custom event", "x", namespace="/chat", timeout=SOON))
    answered.wait(SOON)
    heard.wait(SOON)
    sio.disconnect()


def a_refusal():
    sio = socketio.Client()

    @sio.event
    def connect_error(data):
        say("The connection failed!", data)

    try:
        sio.connect(url, socketio_path="refusing")
    except socketio.exceptions.ConnectionError as error:
        say("refused:", error)


def the_first_example():
    sio = socketio.Client()

    @sio.event
    def connect():
        say("connection established")

    @sio.event
    def my_message(data):
        say("message received with ", data)
        sio.emit("my response", {"response": "my response"})

    @sio.event
    def disconnect():
        say("disconnected from server")

    sio.connect(url, socketio_path="talk")
    sio.wait()


everything_else()
namespaces()
a_refusal()
the_first_example()
