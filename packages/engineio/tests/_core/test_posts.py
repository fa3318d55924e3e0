from __future__ import annotations

import pytest

from engineio._core.posts import Posts
from engineio._core.session import CLOSED, OPEN, Session, State
from engineio.exceptions import ProtocolError


class Body:
    """Remembers how often the reading of it was cut."""

    def __init__(self) -> None:
        self.cuts = 0

    def cut(self) -> None:
        self.cuts += 1


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def body() -> Body:
    return Body()


@pytest.fixture
def session() -> Session:
    session = Session("sid", "polling")
    session.state = OPEN
    return session


def test_a_body_must_come_before_its_deadline(posts: Posts, session: Session, body: Body) -> None:
    posts.begin(session, body.cut, 45)
    assert posts.deadlines.next() == 45

    posts.complete(session)
    assert posts.deadlines.next() is None

    posts.end(session)
    posts.begin(session, body.cut, 90)
    assert posts.deadlines.next() == 90


def test_there_is_one_post_at_a_time(posts: Posts, session: Session, body: Body) -> None:
    posts.begin(session, body.cut, 45)
    with pytest.raises(ProtocolError, match="another POST"):
        posts.begin(session, body.cut, 50)

    posts.complete(session)
    with pytest.raises(ProtocolError, match="another POST"):
        posts.begin(session, body.cut, 50)


@pytest.mark.parametrize("state", [state for state in State if state is not OPEN])
def test_there_is_none_without_an_open_session(
    posts: Posts, session: Session, body: Body, state: State
) -> None:
    session.state = state

    with pytest.raises(ProtocolError):
        posts.begin(session, body.cut, 45)


def test_a_body_is_not_waited_for_after_the_session(
    posts: Posts, session: Session, body: Body
) -> None:
    posts.begin(session, body.cut, 45)
    session.state = CLOSED

    posts.cut(session)

    assert body.cuts == 1
    assert posts.deadlines.next() is None


def test_a_body_that_comes_after_the_session_is_refused(
    posts: Posts, session: Session, body: Body
) -> None:
    posts.begin(session, body.cut, 45)
    session.state = CLOSED

    with pytest.raises(ProtocolError, match="ended"):
        posts.complete(session)
    posts.end(session)

    assert session.posting is None


def test_a_body_that_has_come_is_not_cut(posts: Posts, session: Session, body: Body) -> None:
    posts.cut(session)
    posts.begin(session, body.cut, 45)
    posts.complete(session)
    posts.cut(session)
    posts.end(session)
    posts.cut(session)

    assert body.cuts == 0


def test_a_body_that_breaks_off_is_not_waited_for(
    posts: Posts, session: Session, body: Body
) -> None:
    posts.begin(session, body.cut, 45)

    posts.end(session)

    assert (posts.deadlines.next(), session.posting) == (None, None)
