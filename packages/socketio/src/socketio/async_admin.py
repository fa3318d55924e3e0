"""The Socket.IO Admin UI: who may log in, what they see, what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._aio import call, wait_event
from .admin_log_in import is_right
from .base_admin import HOSTNAME as HOSTNAME
from .base_admin import PID as PID
from .base_admin import SERVERS, STOP_TIMEOUT, BaseInstrumentedServer, Report
from .base_admin import EventBuffer as EventBuffer
from .exceptions import ConnectionRefusedError

if TYPE_CHECKING:
    from engineio.typing import Environ


class InstrumentedAsyncServer(BaseInstrumentedServer):
    """Connects a server to the Admin UI; made by ``instrument()``, whose arguments it has."""

    def _start_reporting(self) -> None:
        if self.stats_task is None:
            self.stop_stats_event.clear()
            self._stopped.clear()
            self._note_task(self.sio.start_background_task(self._report))

    async def shutdown(self) -> None:
        """Stop the reports, and return when the last one has been sent."""
        if self.stats_task is not None:
            self.stop_stats_event.set()
            self._wake.set()
            await wait_event(self._stopped, STOP_TIMEOUT)

    async def admin_connect(self, sid: str, environ: Environ, client_auth: Any) -> None:
        """Let an admin in: the connect handler of the admin namespace."""
        if self.auth is False:
            return
        address = str(environ.get("REMOTE_ADDR", ""))
        log_ins = self._log_ins
        if log_ins.remembers(client_auth):
            return
        if log_ins.is_blocked(address):
            raise ConnectionRefusedError("too many attempts, try again later")
        if callable(self.auth):
            known = await call(self.auth, client_auth)
        else:
            known = is_right(client_auth, self.auth)
        if not known:
            log_ins.failed(address)
            self.sio.logger.warning("An admin from %s gave wrong credentials", address)
            raise ConnectionRefusedError("invalid credentials")
        log_ins.succeeded(sid)

    async def admin_emit(
        self, _: Any, namespace: str, room_filter: str | None, event: str, *data: Any
    ) -> None:
        """Emit to a room or a client, or to everybody in a namespace."""
        await self.sio.emit(event, data, to=room_filter, namespace=namespace)

    async def admin_enter_room(
        self, _: Any, namespace: str, room: str, room_filter: str | None = None
    ) -> None:
        """Put the clients of a room, or one, or all of a namespace, into a room."""
        await self._command("join", namespace, room, room_filter)

    async def admin_leave_room(
        self, _: Any, namespace: str, room: str, room_filter: str | None = None
    ) -> None:
        """Take the clients of a room, or one, or all of a namespace, out of a room."""
        await self._command("leave", namespace, room, room_filter)

    async def admin_disconnect(
        self, _: Any, namespace: str, close: bool, room_filter: str | None = None
    ) -> None:
        """Disconnect them, with ``close`` from all their namespaces."""
        await self._command("disconnect", namespace, close, room_filter)

    async def _command(self, *command: Any) -> None:
        """Do something to the clients here, and let the other servers do it to theirs."""
        await self._obey(*command)
        if self._in_cluster:
            await self.sio.emit(
                "command", list(command), to=SERVERS, namespace=self.admin_namespace
            )

    async def _obey(
        self, command: str, namespace: str, argument: Any, room_filter: str | None
    ) -> None:
        sio = self.sio
        for sid, eio_sid in sio.manager.get_participants(namespace, room_filter):
            if command == "join":
                await sio.manager.enter_room(sid, namespace, argument)
            elif command == "leave":
                await sio.manager.leave_room(sid, namespace, argument)
            elif argument:
                await sio.eio.disconnect(eio_sid)
            else:
                await sio.disconnect(sid, namespace=namespace)

    # reports

    async def _report(self) -> None:
        """Send reports as they come, and statistics now and then, until told to stop."""
        clock = self.sio.eio.clock
        due = clock() + self.server_stats_interval
        while not self.stop_stats_event.is_set():
            await wait_event(self._wake, max(due - clock(), 0))
            self._wake.clear()
            while self._reports:
                await self._send(self._reports.popleft())
            if clock() >= due and not self.stop_stats_event.is_set():
                due = clock() + self.server_stats_interval
                for report in (*self._introductions(), self._stats()):
                    await self._send(report)
        self._note_task(None)
        self._stopped.set()

    async def _introduce(self, admin: str | None) -> None:
        """Show our clients to an admin of another server, one by one: a list replaces a list."""
        for client in self._all_sockets():
            args = (client, client["handshake"]["time"])
            await self.sio.emit("socket_connected", args, to=admin, namespace=self.admin_namespace)

    async def _send(self, report: Report) -> None:
        """Send one report; what it says may be anything, and must not stop the others."""
        event, args, to = report
        try:
            if event == "command":
                await self._obey(*args[0])
                return
            if event == "introduce":
                await self._introduce(to)
                return
            if event == "all_sockets":
                args = (self._all_sockets(),)
            await self.sio.emit(event, args, to=to, namespace=self.admin_namespace)
        except Exception:
            self.sio.logger.exception("A report to the admins failed")
