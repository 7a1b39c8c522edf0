"""A member as most are: QuickFIX, with the data dictionary of FIX 4.4 checking every message that we send."""

import sys
import threading
from pathlib import Path
from typing import Any

import quickfix

from tests.live.gateway.cell import CELL, PASSWORD
from tests.waiting import wait_for

__all__ = ["QuickFixMember"]

SETTINGS = """
[DEFAULT]
ConnectionType=initiator
FileStorePath={folder}
FileLogPath={folder}/log
NonStopSession=Y
HeartBtInt=5
ReconnectInterval=1
UseDataDictionary=Y
DataDictionary={dictionary}
ValidateFieldsOutOfOrder=Y
ValidateFieldsHaveValues=Y
ValidateUserDefinedFields=Y
CheckLatency=Y

[SESSION]
BeginString=FIX.4.4
SenderCompID={session}
TargetCompID={cell}
SocketConnectHost=127.0.0.1
SocketConnectPort={ports[0]}
SocketConnectHost1=127.0.0.1
SocketConnectPort1={ports[1]}
"""


class QuickFixMember(quickfix.Application):  # type: ignore[misc]  # it has no types
    """Records what comes and what QuickFIX itself answers. Method names are QuickFIX's."""

    def __init__(self, session: str, ports: list[int], folder: Path) -> None:
        super().__init__()
        self.name = session
        self.lock = threading.Lock()
        self.received: list[dict[int, str]] = []
        self.complaints: list[str] = []
        self.logons = 0
        self.logged_on = False
        folder.mkdir()
        dictionary = Path(sys.prefix, "share", "quickfix", "FIX44.xml")
        path = folder / "settings.cfg"
        path.write_text(SETTINGS.format(folder=folder, dictionary=dictionary, session=session, cell=CELL, ports=ports))
        settings = quickfix.SessionSettings(str(path))
        self._id = quickfix.SessionID("FIX.4.4", session, CELL)
        self._store = quickfix.FileStoreFactory(settings)
        self._log = quickfix.FileLogFactory(settings)
        self._initiator = quickfix.SocketInitiator(self, self._store, settings, self._log)

    def start(self) -> None:
        self._initiator.start()
        wait_for(lambda: self.logged_on, what=f"{self.name} is logged on")

    def stop(self) -> None:
        self._initiator.stop()

    def send(self, msg_type: str, *fields: tuple[int, object]) -> None:
        """An application message; QuickFIX gives it header and number."""
        message = quickfix.Message()
        message.getHeader().setField(quickfix.MsgType(msg_type))
        for tag, value in fields:
            message.setField(quickfix.StringField(tag, str(value)))
        if msg_type in ("D", "F", "G"):
            message.setField(quickfix.TransactTime())
        assert quickfix.Session.sendToTarget(message, self._id)

    def order(self, cl_ord_id: str, side: str, quantity: int, price: str, symbol: str = "WIDGET") -> None:
        self.send("D", (11, cl_ord_id), (55, symbol), (54, side), (38, quantity), (40, 2), (44, price), (59, 0))

    def await_message(self, **wanted: object) -> dict[int, str]:
        """A message received up to now or soon that holds these values, written t35="8"."""
        asked = {int(tag[1:]): str(value) for tag, value in wanted.items()}

        def found() -> dict[int, str] | None:
            with self.lock:
                return next((one for one in self.received if asked.items() <= one.items()), None)

        message: dict[int, str] = wait_for(found, what=f"{self.name} receives {asked}")
        return message

    def _record(self, message: Any) -> None:
        parts = (part.partition("=") for part in message.toString().split("\x01")[:-1])
        with self.lock:
            self.received.append({int(tag): value for tag, _, value in parts})

    # What QuickFIX calls

    def onCreate(self, session: Any) -> None:  # noqa: N802
        pass

    def onLogon(self, session: Any) -> None:  # noqa: N802
        self.logons += 1
        self.logged_on = True

    def onLogout(self, session: Any) -> None:  # noqa: N802
        self.logged_on = False

    def toAdmin(self, message: Any, session: Any) -> None:  # noqa: N802
        kind = quickfix.MsgType()
        message.getHeader().getField(kind)
        if kind.getValue() == "A":
            message.setField(quickfix.StringField(553, self.name))
            message.setField(quickfix.StringField(554, PASSWORD))
        elif kind.getValue() == "3":
            self.complaints.append(message.toString())

    def fromAdmin(self, message: Any, session: Any) -> None:  # noqa: N802
        self._record(message)

    def toApp(self, message: Any, session: Any) -> None:  # noqa: N802
        kind = quickfix.MsgType()
        message.getHeader().getField(kind)
        if kind.getValue() == "j":
            self.complaints.append(message.toString())

    def fromApp(self, message: Any, session: Any) -> None:  # noqa: N802
        self._record(message)
