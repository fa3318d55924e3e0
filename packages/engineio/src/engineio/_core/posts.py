"""POSTs whose bodies are being read: one a session, and only so long as the session is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..exceptions import ProtocolError
from .deadlines import Deadlines
from .session import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from .session import Session


class Posts:
    """The sessions whose POST has not come completely, and until when it must."""

    def __init__(self) -> None:
        self.deadlines: Deadlines[Session] = Deadlines()

    def begin(self, session: Session, cut: Callable[[], None], due: float) -> None:
        """Read the body of a POST; ``cut`` ends that from elsewhere, and neither waits nor raises.

        Raises ProtocolError while another POST is being processed.
        """
        if session.state is not OPEN:
            raise ProtocolError("the session is closed")
        if session.posting is not None:
            raise ProtocolError("another POST of this session is being processed")
        session.posting = cut
        self.deadlines.arm(session, due)

    def complete(self, session: Session) -> None:
        """The body has come.  Raises ProtocolError if the session has ended meanwhile."""
        self.deadlines.disarm(session)
        if session.state is not OPEN:
            raise ProtocolError("the session has ended")
        session.posting = _nothing

    def end(self, session: Session) -> None:
        """The POST that ``begin`` started is done, or its body will never come."""
        self.deadlines.disarm(session)
        session.posting = None

    def cut(self, session: Session) -> None:
        """The session has ended: do not wait for the rest of a body."""
        if session.posting is not None:
            self.deadlines.disarm(session)
            session.posting()


def _nothing() -> None:
    """All of the body has come."""
