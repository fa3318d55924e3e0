"""Clients of Socket.IO for asyncio: python socketio_async_client.py URL-OF-SOCKETIO_ASYNCIO.PY"""

from __future__ import annotations

import asyncio
import sys

import socketio

url = sys.argv[1]
SOON = 15


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


async def everything_else():
    sio = socketio.AsyncClient(logger=True, engineio_logger=True)
    answered = asyncio.Event()

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

    async def my_background_task(my_argument):
        await sio.sleep(0.01)
        await sio.emit("ask_me")
        say("background", my_argument)

    await sio.connect(url, socketio_path="handlers")
    say("my sid is", sio.sid)
    say("answer", await sio.call("my_event", {"foo": "bar"}, timeout=SOON))
    await sio.emit("several", ("text", b"\x00", [1], {"foo": "bar"}))
    await asyncio.wait_for(answered.wait(), SOON)
    answered.clear()
    await sio.emit("just_me", {"foo": "bar"})
    await asyncio.wait_for(answered.wait(), SOON)
    answered.clear()
    await sio.emit("my_event", {"foo": "bar"}, callback=is_acknowledged)
    await asyncio.wait_for(answered.wait(), SOON)
    answered.clear()
    task = sio.start_background_task(my_background_task, 123)
    await asyncio.wait_for(answered.wait(), SOON)
    await task
    await sio.disconnect()
    await sio.wait()


async def namespaces():
    sio = socketio.AsyncClient()
    answered, heard = asyncio.Event(), asyncio.Event()

    @sio.event(namespace="/chat")
    def said(data):
        say("said", data)
        heard.set()

    @sio.on("connect", namespace="/chat")
    def on_connect():
        say("I'm connected to the /chat namespace!")

    class MyCustomNamespace(socketio.AsyncClientNamespace):
        async def on_connect(self):
            await self.emit("my_event", "from a class")

        def on_disconnect(self):
            say("the class is disconnected")

        def on_my_response(self, data):
            say("my_response", data)
            answered.set()

    sio.register_namespace(MyCustomNamespace("/test"))
    await sio.connect(url, namespaces=["/chat", "/test"], socketio_path="namespaces")
    await sio.emit("my_custom_event", {"foo": "bar"}, namespace="/chat")
    say("answer", await sio.call("my custom event", "x", namespace="/chat", timeout=SOON))
    await asyncio.wait_for(answered.wait(), SOON)
    await asyncio.wait_for(heard.wait(), SOON)
    await sio.disconnect()


async def a_refusal():
    sio = socketio.AsyncClient()

    @sio.event
    def connect_error(data):
        say("The connection failed!", data)

    try:
        await sio.connect(url, socketio_path="refusing")
    except socketio.exceptions.ConnectionError as error:
        say("refused:", error)


async def the_first_example():
    sio = socketio.AsyncClient()

    @sio.event
    def connect():
        say("connection established")

    @sio.event
    async def my_message(data):
        say("message received with ", data)
        await sio.emit("my response", {"response": "my response"})

    @sio.event
    def disconnect():
        say("disconnected from server")

    await sio.connect(url, socketio_path="talk")
    await sio.wait()


async def main():
    await everything_else()
    await namespaces()
    await a_refusal()
    await the_first_example()


asyncio.run(main())
