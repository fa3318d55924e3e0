"""A command-line client: ``python -m socketio``; ``--help`` explains everything."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from .async_client import AsyncClient
from .exceptions import CallInterruptedError, SocketIOError, TimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

DONE, FAILED, USAGE, NO_ACK, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes; 2 is argparse's own, 130 the shells' for Ctrl-C."""

EVENT, LINE, END_OF_INPUT, DISCONNECTED = "event", "line", "end of input", "disconnected"

CHAT_PATIENCE = 10
"""Seconds that ``/call`` waits for an acknowledgement; meanwhile no other line is sent."""

COMMANDS = ("emit", "call", "listen", "chat")

DESCRIPTION = """\
Talk to a Socket.IO server.

  python -m socketio URL                      type messages, see all events
  python -m socketio emit URL EVENT [ARG...]  send one event
  python -m socketio call URL EVENT [ARG...]  send one event and print the acknowledgement
  python -m socketio listen URL [EVENT...]    print events until Ctrl-C, one JSON array a line

The command comes first, options go anywhere after it.  Each ARG is JSON; a word that is not
JSON is sent as a string.  What the server sends goes to standard output, everything else to
standard error.
"""

EPILOG = """\
examples:
  python -m socketio http://127.0.0.1:5000
  python -m socketio emit http://127.0.0.1:5000 'chat message' '{"text":"hi"}'
  python -m socketio call http://127.0.0.1:5000 add 1 2 --timeout 5
  python -m socketio listen http://127.0.0.1:5000 'chat message' --count 10 | jq .[1]
  echo 'hello' | python -m socketio http://127.0.0.1:5000 --event 'chat message'

exit codes:
  0 done   1 could not connect, refused, or disconnected   2 wrong arguments
  3 no acknowledgement in time   130 interrupted with Ctrl-C
"""

CHAT_HELP = """\
  TEXT                 send the text as event {event!r}
  /emit EVENT [ARG...] send an event; quote a name that has spaces
  /call EVENT [ARG...] send an event and print the acknowledgement (10 seconds)
  /event NAME          send TEXT as this event from now on
  /help                show this
  /quit                disconnect and leave (also Ctrl-D)\
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] not in (*COMMANDS, "-h", "--help"):
        arguments.insert(0, "chat")
    options = make_parser().parse_args(arguments)
    if not hasattr(options, "run"):
        make_parser().print_help()
        return USAGE
    try:
        code = asyncio.run(interruptible(options.run(options)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has enough: nothing more can be written, at exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    return code


async def interruptible(command: Coroutine[Any, Any, int]) -> int:
    """Run a command, which Ctrl-C cancels.

    On Python 3.10 it would else raise an exception wherever the program is at that moment.
    """
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # Windows
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    return await command


def make_parser() -> argparse.ArgumentParser:
    """Describe the commands and their options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("url", metavar="URL", help="the server, e.g. http://127.0.0.1:5000")
    common.add_argument("--auth", metavar="JSON", type=json_value, help="auth data to connect with")
    common.add_argument("--namespace", "-n", default="/", help="namespace (default: /)")
    common.add_argument(
        "--transport",
        choices=("polling", "websocket"),
        help="use only this transport (default: long-polling, then WebSocket when possible)",
    )
    common.add_argument(
        "--header", metavar="'NAME: VALUE'", type=header, action="append", default=[],
        help="an HTTP header for the connection; may be repeated",
    )  # fmt: skip
    common.add_argument(
        "--path", default="socket.io", help="path on the server (default: socket.io)"
    )
    common.add_argument(
        "--wait", metavar="SECONDS", type=float, default=5.0,
        help="how long the server may take to accept the namespace (default: 5)",
    )  # fmt: skip
    common.add_argument(
        "--insecure", action="store_true", help="do not verify the server's TLS certificate"
    )

    parser = argparse.ArgumentParser(
        prog="python -m socketio",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="")
    for name, run, summary in (
        ("emit", run_emit, "send one event"),
        ("call", run_call, "send one event and print the acknowledgement as JSON"),
    ):
        command = commands.add_parser(name, parents=[common], help=summary, description=summary)
        command.add_argument("event", metavar="EVENT", help="the event's name")
        command.add_argument("arguments", metavar="ARG", nargs="*", type=argument, help="JSON")
        command.set_defaults(run=run)
        if name == "call":
            command.add_argument(
                "--timeout", metavar="SECONDS", type=float, default=60.0,
                help="how long to wait for the acknowledgement (default: 60)",
            )  # fmt: skip
    listen = commands.add_parser("listen", parents=[common], help="print events as they arrive")
    listen.add_argument("events", metavar="EVENT", nargs="*", help="only these (default: all)")
    listen.add_argument("--count", "-c", metavar="N", type=int, help="stop after N events")
    listen.set_defaults(run=run_listen)
    chat = commands.add_parser("chat", parents=[common], help="type messages, see all events")
    chat.add_argument("--event", default="message", help="event for typed lines (default: message)")
    chat.set_defaults(run=run_chat)
    return parser


def json_value(text: str) -> Any:
    """Read an option's JSON value."""
    try:
        return json.loads(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"not JSON: {text!r} ({exc})") from None


def header(text: str) -> tuple[str, str]:
    """Read ``Name: value``."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"not of the form 'Name: value': {text!r}")
    return name.strip(), value.strip()


def argument(text: str) -> Any:
    """Read an event's argument: JSON, or a word that does not look like JSON as a string."""
    try:
        return json.loads(text)
    except ValueError as exc:
        if text[:1] in ("{", "[", '"'):
            raise argparse.ArgumentTypeError(f"not JSON: {text!r} ({exc})") from None
        return text


def split_line(text: str) -> list[Any]:
    """Read JSON values and bare words separated by spaces; ``ValueError`` for malformed JSON."""
    decoder = json.JSONDecoder()
    values: list[Any] = []
    text = text.strip()
    while text:
        word = text.split(maxsplit=1)[0]
        try:
            value, end = decoder.raw_decode(text)
            if text[end : end + 1].strip():
                raise ValueError(f"a space is missing after {text[:end]}")
        except ValueError:
            if word[0] in '{["':
                raise
            value, end = word, len(word)
        values.append(value)
        text = text[end:].lstrip()
    return values


def show(value: Any) -> str:
    """Write a received value as JSON on one line; binary data becomes ``{"base64": "..."}``."""
    return json.dumps(value, ensure_ascii=False, default=_binary)


def _binary(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return {"base64": b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be shown")


def say(text: str) -> None:
    """Tell the person at the terminal; never part of the output."""
    print(text, file=sys.stderr, flush=True)


def write(text: str) -> None:
    """Write one line of output, at once: the reader may be a pipe."""
    print(text, flush=True)


async def connect(client: AsyncClient, options: argparse.Namespace) -> bool:
    """Connect with the options of the command line; say why when that fails."""
    refusals: list[Any] = []
    client.on("connect_error", lambda *data: refusals.extend(data), namespace=options.namespace)
    try:
        await client.connect(
            options.url,
            headers=dict(options.header),
            auth=options.auth,
            transports=options.transport,
            namespaces=[options.namespace],
            socketio_path=options.path,
            wait_timeout=options.wait,
        )
    except (SocketIOError, ValueError, ModuleNotFoundError) as exc:
        reason = show(refusals[0]) if refusals and not isinstance(refusals[0], str) else ""
        say(f"Cannot connect to {options.url}: {exc} {reason}".rstrip())
        return False
    return True


def make_client(options: argparse.Namespace, *, reconnection: bool) -> AsyncClient:
    """Return a client that leaves Ctrl-C to us."""
    return AsyncClient(
        reconnection=reconnection, handle_sigint=False, ssl_verify=not options.insecure
    )


async def run_emit(options: argparse.Namespace) -> int:
    """Send one event; everything is on its way to the server when this returns."""
    client = make_client(options, reconnection=False)
    if not await connect(client, options):
        return FAILED
    await client.emit(options.event, tuple(options.arguments), namespace=options.namespace)
    await client.disconnect()
    return DONE


async def run_call(options: argparse.Namespace) -> int:
    """Send one event and print what the server acknowledges."""
    client = make_client(options, reconnection=False)
    if not await connect(client, options):
        return FAILED
    try:
        answer = await client.call(
            options.event,
            tuple(options.arguments),
            namespace=options.namespace,
            timeout=options.timeout,
        )
    except CallInterruptedError:
        say("The server closed the connection instead of answering")
        return FAILED
    except TimeoutError:
        say(f"No acknowledgement within {options.timeout:g} seconds")
        return NO_ACK
    finally:
        await client.disconnect()
    write(show(answer))
    return DONE


async def run_listen(options: argparse.Namespace) -> int:
    """Print events, reconnecting when needed, until the server ends it or enough have come."""
    client = make_client(options, reconnection=True)
    inbox = Inbox()
    inbox.watch(client, options)
    if not await connect(client, options):
        return FAILED
    left = options.count
    try:
        while left is None or left > 0:
            kind, value = await inbox.get()
            if kind == DISCONNECTED:
                return FAILED
            if not options.events or value[0] in options.events:
                write(show(value))
                left = None if left is None else left - 1
    finally:
        await client.disconnect()
    return DONE


async def run_chat(options: argparse.Namespace) -> int:
    """Send typed lines and print events until the input ends or the server disconnects."""
    client = make_client(options, reconnection=True)
    inbox = Inbox()
    inbox.watch(client, options)
    if not await connect(client, options):
        return FAILED
    if sys.stdin.isatty():
        say(CHAT_HELP.format(event=options.event))
    inbox.read(sys.stdin.fileno())
    try:
        while True:
            kind, value = await inbox.get()
            if kind == DISCONNECTED:
                return FAILED
            if kind == EVENT:
                event, *args = value
                write(" ".join((f"< {event}", *map(show, args))))
            elif kind == END_OF_INPUT or not await obey(client, options, value):
                return DONE
    finally:
        await client.disconnect()


async def obey(client: AsyncClient, options: argparse.Namespace, line: str) -> bool:
    """Do what one typed line says; False to leave.  Mistakes are explained, not fatal."""
    command, _, rest = line.partition(" ")
    try:
        if command == "/quit":
            return False
        if command == "/help":
            say(CHAT_HELP.format(event=options.event))
        elif command == "/event":
            options.event = rest.strip() or options.event
            say(f"Lines are sent as event {options.event!r}")
        elif command in ("/emit", "/call"):
            await send(client, options.namespace, split_line(rest), ack=command == "/call")
        elif line[:1] == "/" and line[:2] != "//":
            say(f"Unknown command {command}; /help lists them (// sends a line that starts with /)")
        elif line:
            text = line.removeprefix("/") if line[:2] == "//" else line
            await client.emit(options.event, text, namespace=options.namespace)
    except (SocketIOError, ValueError) as exc:
        say(f"Not sent: {exc or type(exc).__name__}")
    return True


async def send(client: AsyncClient, namespace: str, words: list[Any], *, ack: bool) -> None:
    """Send the event that the words name, with the rest of them as its arguments."""
    if not words or not isinstance(words[0], str):
        raise ValueError("the name of an event is missing")
    event, *args = words
    if not ack:
        await client.emit(event, tuple(args), namespace=namespace)
        return
    try:
        answer = await client.call(event, tuple(args), namespace=namespace, timeout=CHAT_PATIENCE)
    except CallInterruptedError:
        say("The connection was lost before the acknowledgement came")
    except TimeoutError:
        say("No acknowledgement")
    else:
        write(f"= {show(answer)}")


class Inbox:
    """What a command waits for, in order: events, typed lines, and the end of either."""

    CHUNK = 65_536
    """Bytes per read of the input: what a pipe holds on Linux."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def get(self) -> tuple[str, Any]:
        """Return the next item: its kind and its value."""
        return await self._queue.get()

    def watch(self, client: AsyncClient, options: argparse.Namespace) -> None:
        """Take the events of the client, and tell the person about its connection."""

        def on(event: str, handler: Callable[..., None]) -> None:
            client.on(event, handler, namespace=options.namespace)

        on("*", lambda *event: self._queue.put_nowait((EVENT, event)))
        on("connect", lambda: say(f"Connected to {options.url} by {client.transport()}"))
        on("disconnect", lambda reason: say(f"Disconnected: {reason}"))
        on("__disconnect_final", lambda: self._queue.put_nowait((DISCONNECTED, None)))

    def read(self, descriptor: int) -> None:
        """Take the lines of a terminal, a pipe or a file.

        A daemon thread reads the descriptor itself: one that waits inside ``sys.stdin`` would
        keep the interpreter from exiting.
        """
        threading.Thread(target=self._read, args=(descriptor,), name="stdin", daemon=True).start()

    def _read(self, descriptor: int) -> None:
        rest = b""
        with contextlib.suppress(OSError):  # the terminal is gone: the same as its end
            while chunk := os.read(descriptor, self.CHUNK):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    self._put(LINE, line.decode(errors="replace").rstrip("\r"))
        if rest:
            self._put(LINE, rest.decode(errors="replace"))
        self._put(END_OF_INPUT, None)

    def _put(self, kind: str, value: str | None) -> None:
        # the loop is closed when the command ended before its input did
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (kind, value))


if __name__ == "__main__":
    sys.exit(main())
