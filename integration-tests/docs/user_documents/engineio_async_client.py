"""Clients of Engine.IO for asyncio: python engineio_async_client.py URL-OF-ENGINEIO_ASYNCIO.PY"""

from __future__ import annotations

import asyncio
import sys

import engineio

url = sys.argv[1]
SOON = 15


def say(*words):
    """Print a line in one piece, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


async def the_first_example():
    eio = engineio.AsyncClient()

    @eio.on("connect")
    def on_connect():
        say("connection established")

    @eio.on("message")
    async def on_message(data):
        say("message received with ", data)
        await eio.send({"response": "my response"})

    @eio.on("disconnect")
    def on_disconnect():
        say("disconnected from server")

    await eio.connect(url, engineio_path="talk")
    await eio.wait()


async def everything_else():
    eio = engineio.AsyncClient(logger=True)
    answered = asyncio.Event()

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

    async def my_background_task(my_argument):
        await eio.sleep(0.01)
        await eio.send({"foo": my_argument})

    await eio.connect(url, engineio_path="echo")
    say("my sid is", eio.sid, "over", eio.transport())
    await eio.send({"foo": "bar"})
    await asyncio.wait_for(answered.wait(), SOON)
    answered.clear()
    task = eio.start_background_task(my_background_task, 123)
    await asyncio.wait_for(answered.wait(), SOON)
    await task
    await eio.disconnect()
    await eio.wait()


async def main():
    await everything_else()
    await the_first_example()


asyncio.run(main())
