"""The command line ``python -m socketio`` against our server, as a user would type it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SOON = 20
"""Seconds in which a command must end; only a failing test waits so long."""


def run(*args: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "socketio", *args],
        input=typed, capture_output=True, text=True, timeout=SOON, check=False,
    )  # fmt: skip


@pytest.fixture
def url(shared_peer: Callable[..., Any]) -> str:
    return str(shared_peer("ours").url)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command and wait until it is connected."""
    processes = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "socketio", *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Connected to ")
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("transport", [[], ["--transport=polling"], ["--transport=websocket"]])
def test_call_prints_the_acknowledgement(url: str, transport: list[str]) -> None:
    done = run("call", url, "echo", '{"text":"hi"}', "1", "word", *transport)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [{"text": "hi"}, 1, "word"]


def test_auth_namespace_and_headers_are_sent(url: str) -> None:
    done = run(
        "call", url, "who", "--auth", '{"token": 1}', "--namespace", "/chat",
        "--header", "X-Test: yes",
    )  # fmt: skip

    who = json.loads(done.stdout)
    assert (who["auth"], who["header"]) == ({"token": 1}, "yes")


def test_call_without_an_answer_is_exit_code_3(url: str) -> None:
    done = run("call", url, "silence", "--timeout", "0.05")

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "No acknowledgement within 0.05 seconds\n"


def test_a_connection_that_ends_instead_of_an_answer_is_exit_code_1(url: str) -> None:
    done = run("call", url, "kick")

    assert (done.returncode, done.stdout) == (1, "")
    assert "closed the connection" in done.stderr


def test_a_refusal_is_explained_with_exit_code_1(url: str) -> None:
    done = run("emit", url, "echo", "--auth", '{"refuse": "data"}')

    assert done.returncode == 1
    assert done.stderr.startswith(f"Cannot connect to {url}: ")
    assert '{"message": "no entry", "data": {"code": 7}}' in done.stderr


def test_a_server_that_is_away_is_explained_with_exit_code_1() -> None:
    done = run("emit", "http://127.0.0.1:1", "x")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Cannot connect to http://127.0.0.1:1: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["emit"], "URL"),
        (["emit", "http://x", "event", "{broken"], "not JSON: '{broken'"),
        (["call", "http://x", "event", "--auth", "nope"], "not JSON: 'nope'"),
        (["listen", "http://x", "--header", "nope"], "not of the form"),
        (["http://x", "--transport", "pigeon"], "invalid choice"),
    ],
)
def test_wrong_arguments_are_exit_code_2(arguments: list[str], complaint: str) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_help_explains_everything() -> None:
    done = run("--help")

    assert done.returncode == 0
    for word in ("emit", "call", "listen", "exit codes", "examples"):
        assert word in done.stdout
    assert "--timeout" in run("call", "--help").stdout


def test_without_arguments_the_help_is_shown() -> None:
    done = run()

    assert (done.returncode, done.stdout[:6]) == (2, "usage:")


def test_listen_prints_the_chosen_events_of_others(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    listening = start("listen", url, "news", "--count", "2")

    for event, argument in (("news", '{"n":1}'), ("other", "2"), ("news", '"ü"')):
        assert run("emit", url, "shout", event, argument).returncode == 0
    output, _ = listening.communicate(timeout=SOON)

    assert [json.loads(line) for line in output.splitlines()] == [["news", {"n": 1}], ["news", "ü"]]
    assert listening.returncode == 0


def test_ctrl_c_ends_listen_without_a_traceback(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    listening = start("listen", url)

    listening.send_signal(signal.SIGINT)
    output, errors = listening.communicate(timeout=SOON)

    assert listening.returncode == 130
    assert (output, "Traceback" in errors) == ("", False)


def test_ctrl_c_ends_the_prompt_without_a_traceback(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    chatting = start(url)

    chatting.send_signal(signal.SIGINT)
    # stdin stays open: the thread that reads it must not keep the process alive
    assert chatting.wait(SOON) == 130
    assert chatting.stderr is not None
    assert "Traceback" not in chatting.stderr.read()


def test_the_prompt_sends_lines_and_commands_and_ends_with_the_input(url: str) -> None:
    lines = [
        "hello",
        '/call echo {"a": [1, 2]} "b c" d',
        "/unknown",
        "/emit",
        "/event nothing",
        "/call nothing",
    ]

    done = run(url, "--event", "echo", typed="\n".join(lines))

    assert done.returncode == 0
    assert done.stdout.splitlines() == ['= [{"a": [1, 2]}, "b c", "d"]', "= null"]
    for part in ("Unknown command /unknown", "the name of an event is missing", "'nothing'"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_the_prompt_shows_events_and_binary(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    chatting = start(url)

    assert run("emit", url, "shout", "chat message", '{"text":"hi"}').returncode == 0

    assert chatting.stdout is not None
    assert chatting.stdout.readline() == '< chat message {"text": "hi"}\n'
    output, _ = chatting.communicate("/quit\n", timeout=SOON)
    assert (output, chatting.returncode) == ("", 0)


def test_the_prompt_ends_when_the_server_disconnects(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    chatting = start(url)
    assert chatting.stdin is not None

    chatting.stdin.write("/emit kick\n")
    chatting.stdin.flush()

    assert chatting.wait(SOON) == 1


def test_a_closed_pipe_ends_listen_quietly(
    url: str, start: Callable[..., subprocess.Popen[str]]
) -> None:
    listening = start("listen", url)
    assert listening.stdout is not None
    assert listening.stderr is not None

    listening.stdout.close()
    assert run("emit", url, "shout", "news").returncode == 0

    assert listening.wait(SOON) == 0
    assert "Traceback" not in listening.stderr.read()
