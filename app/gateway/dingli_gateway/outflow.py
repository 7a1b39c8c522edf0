"""What one connection is sent: events strictly by their numbers, and stored messages again on request."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from dingli_gateway.outbound import RESENT_TYPES, Envelope
from dingli_gateway.wire import Event, EventType, StoredEvent, resend_event

__all__ = ["Outflow"]

PAGE = 500  # numbers asked for at a time, so that a long resend never fills memory
WAITING_LIMIT = 20_000


@dataclass
class _Resend:
    """Numbers up to `end` are to be sent again; what lies below `unsent` is done."""

    end: int
    unsent: int
    next_page: int
    page_end: int = 0
    asked: bool = False


class Outflow:
    """Orders the events of one connection. `write` takes a message and its event type, `fetch` a range of numbers."""

    def __init__(
        self, envelope: Envelope, write: Callable[[bytes, int], None], fetch: Callable[[int, int], None]
    ) -> None:
        self._envelope = envelope
        self._write = write
        self._fetch = fetch
        self._resend: _Resend | None = None
        self._waiting: deque[tuple[Event, int]] = deque()
        self._congested = False
        self.started = False
        self.last_out = 0

    @property
    def overfull(self) -> bool:
        """Whether more waits behind a resend than may wait."""
        return len(self._waiting) > WAITING_LIMIT

    def event(self, event: Event, entry_time_ns: int, now_ns: int) -> None:
        """The next event; one that was there already is dropped.

        Numbers may be missing: the Logout that refuses a second logon takes one of this session's, and goes to that
        logon's connection. What is missing is fetched and sent first, as if the member had asked for it.
        """
        if event.out_seq:
            if self.started and event.out_seq <= self.last_out:
                return
            if self.started and event.out_seq != self.last_out + 1:
                missing = resend_event(event.session, event.connection, self.last_out + 1, event.out_seq - 1)
                self._waiting.append((missing, entry_time_ns))
            self.started = True
            self.last_out = event.out_seq
        self._waiting.append((event, entry_time_ns))
        self._drain(now_ns)

    def _drain(self, now_ns: int) -> None:
        while self._waiting and self._resend is None:
            event, entry_time_ns = self._waiting.popleft()
            if event.type == EventType.RESEND:
                begin, end = (
                    int.from_bytes(event.raw[event.at : event.at + 8]),
                    int.from_bytes(event.raw[event.at + 8 :]),
                )
                self.resend(begin, end)
            elif event.type == EventType.DISCONNECT:
                self._write(b"", event.type)
            else:
                self._write(self._envelope.event(event, entry_time_ns, now_ns), event.type)

    def resend(self, begin: int, end: int) -> None:
        """Send numbers begin to end again; what comes meanwhile waits."""
        if self._resend is None and begin <= end:
            self._resend = _Resend(end, begin, begin)
            self._ask()

    def link_restored(self) -> None:
        """Ask again for the page whose answer a lost link has swallowed."""
        if self._resend is not None:
            self._resend.asked = False
            self._ask()

    def congestion(self, congested: bool) -> None:
        """Whether the member takes bytes more slowly than they come: no further page is asked for while it does."""
        self._congested = congested
        self._ask()

    def _ask(self) -> None:
        job = self._resend
        if job is not None and not job.asked and not self._congested:
            job.asked = True
            job.page_end = min(job.next_page + PAGE - 1, job.end)
            self._fetch(job.next_page, job.page_end)

    def stored(self, events: list[StoredEvent], now_ns: int) -> None:
        """Part of a page; an empty part ends the page."""
        job = self._resend
        if job is None:
            return
        for item in events:
            number = item.event.out_seq
            if item.event.type in RESENT_TYPES and job.unsent <= number <= job.page_end:
                self._fill(job, number, now_ns)
                self._write(self._envelope.again(item.event, item.time_ns, now_ns), item.event.type)
                job.unsent = number + 1
        if not events:
            self._end_of_page(job, now_ns)

    def _fill(self, job: _Resend, following: int, now_ns: int) -> None:
        if job.unsent < following:
            self._write(self._envelope.gap_fill(job.unsent, following, now_ns), 0)
            job.unsent = following

    def _end_of_page(self, job: _Resend, now_ns: int) -> None:
        """A run of other numbers may cross pages: it is filled as one, where the next message shows its end."""
        job.asked = False
        job.next_page = job.page_end + 1
        if job.next_page <= job.end:
            self._ask()
            return
        self._fill(job, job.end + 1, now_ns)
        self._resend = None
        self._drain(now_ns)
