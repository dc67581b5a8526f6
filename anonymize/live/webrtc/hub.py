"""All viewers of one camera on one UDP port: what comes in is sorted to them, what was released goes out to each.

The port answers and never asks: nothing leaves it but to an address from which a viewer whose token was right has
proved that it was given our answer.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Protocol

from anonymize.errors import AnonymizeError, OutputError, UsageError
from anonymize.live.log import logger
from anonymize.live.wakeup import Wakeup
from anonymize.live.webrtc import rtp, sdp, stun
from anonymize.live.webrtc.secure import Identity, Refused
from anonymize.live.webrtc.viewer import Address, Viewer
from anonymize.live.webrtc.viewers import BEGAN, STOPPED, Viewers
from anonymize.text.words import system

MOST, MOST_OF_ONE = 16, 4
"""Viewers at a time, and of them with the same name."""
_EVERY = 2.0
"""Seconds between two looks at whether a viewer is still allowed."""
_BUFFER = 4 << 20
"""Bytes of datagrams that wait for the network."""
_DATAGRAM = 2048
"""The most bytes of a datagram that comes in."""
_AT_ONCE = 64
"""Datagrams taken in before pictures may go out."""


class Full(AnonymizeError):
    """There are as many viewers as there may be."""


class Coded(Protocol):
    """A picture as it was coded."""

    @property
    def data(self) -> bytes:
        """H.264; a key picture with its parameter sets."""

    @property
    def pts(self) -> int:
        """In ticks of 90 kHz."""

    @property
    def key(self) -> bool:
        """Whether decoding can begin here."""

    @property
    def at(self) -> float:
        """When it was captured, seconds since the epoch."""


class Hub:
    """Sends pictures to viewers whose offers it has answered.

    Args:
        host, port: that it is bound to; port 0: any free one, see `Hub.port`.
        viewers: who may watch.
        camera: what they watch, for the log.
        on_count: called with the names of those who watch when they change.
        on_lost: called with the number of packets that the network did not take.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(
        self,
        host: str,
        port: int,
        viewers: Viewers,
        camera: str,
        on_count: Callable[[list[str]], None],
        on_lost: Callable[[int], None],
    ) -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise UsageError(f"port {port} (UDP) on {host}: {system(error)}; name another") from error
        self.port: int = self._socket.getsockname()[1]
        self._viewers, self._camera = viewers, camera
        self._on_count, self._on_lost = on_count, on_lost
        self.want_key: Callable[[], None] = lambda: None
        """Called when somebody needs a key picture."""
        self.on_look: Callable[[], None] = lambda: None
        """Called each time that it is looked at whether viewers are still allowed."""
        self._identity = Identity()
        self._lock = threading.Lock()
        self._all: dict[str, Viewer] = {}
        self._watching: list[str] = []
        self._closed = False
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name=f"webrtc {self.port}", daemon=True)
        self._thread.start()

    def answer(self, text: str, token: str, place: Address) -> tuple[str, str]:
        """Answer an offer.

        Args:
            text: the offer.
            token: that came with it, of a viewer that `Viewers` knows.
            place: of our port, as the viewer reached it.

        Returns:
            What it is ended by, and the answer.

        Raises:
            UsageError: it is no offer that can be answered.
            Full: there are too many viewers.
            OutputError: it cannot be written down that somebody watches.
        """
        name = self._viewers.name_of(token)
        if name is None:
            raise UsageError("nobody has this token")
        viewer = Viewer(name, token, sdp.offer(text), self._identity, place, self._send)
        answer = sdp.answer(viewer.offer, viewer.ours)
        with self._lock:
            same = sum(other.name == name for other in self._all.values())
            if self._closed or len(self._all) >= MOST or same >= MOST_OF_ONE:
                raise Full("too many watch at once")
            self._all[viewer.id] = viewer
        try:
            self._viewers.note(BEGAN, name, camera=self._camera, view=viewer.id[:8])
        except OutputError:
            with self._lock:
                del self._all[viewer.id]
            raise
        logger.info("viewer came", viewer=name)
        self._wakeup.wake()
        return viewer.id, answer

    def end(self, ident: str, token: str) -> bool:
        """End what was begun with this token, if it is not over already; False if it is not this viewer's to end."""
        name = self._viewers.name_of(token)
        with self._lock:
            viewer = self._all.get(ident)
        if name is None or (viewer is not None and viewer.name != name):
            return False
        if viewer is not None:
            self._drop(viewer, "left")
        return True

    def send(self, picture: Coded) -> None:
        """Send a picture to all. Never waits for any of them."""
        lost, over = 0, list[tuple[Viewer, str]]()
        with self._lock:
            watching = [viewer for viewer in self._all.values() if viewer.open]
            payloads = rtp.payloads(picture.data) if watching else []
            for viewer in watching:
                try:
                    lost += viewer.picture(payloads, picture.pts, picture.at, key=picture.key)
                except Refused as error:
                    over.append((viewer, str(error)))
        for viewer, why in over:
            self._drop(viewer, why)
        if lost:
            self._on_lost(lost)

    def close(self) -> None:
        """End all viewers and close the port."""
        self._closed = True
        self._wakeup.wake()
        self._thread.join()
        for viewer in tuple(self._all.values()):
            self._drop(viewer, "the camera stopped")
        self._socket.close()

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._closed:
            with self._lock:
                due = min((viewer.deadline for viewer in self._all.values()), default=looked + _EVERY)
            wait([self._socket, self._wakeup.fileno()], max(0.0, min(due, looked + _EVERY) - time.monotonic()))
            self._wakeup.clear()
            for _ in range(_AT_ONCE):
                try:
                    data, place = self._socket.recvfrom(_DATAGRAM)
                except (BlockingIOError, InterruptedError):
                    break
                except OSError as error:
                    logger.warning("the port of viewers failed", error=system(error))
                    break
                self._take(data, place[:2])
            self._look(rights=time.monotonic() >= looked + _EVERY)
            if time.monotonic() >= looked + _EVERY:
                looked = time.monotonic()

    def _take(self, data: bytes, place: Address) -> None:
        """Sort a datagram to its viewer; pass over it if it is nobody's."""
        if not data:
            return
        wants, viewer = False, None
        try:
            with self._lock:
                if data[0] < 4:
                    binding = stun.binding(data)
                    if binding is not None:
                        for viewer in self._all.values():
                            if viewer.ours.user == binding.local:
                                viewer.bind(binding, place)
                    return
                viewer = next((one for one in self._all.values() if one.hears(place)), None)
                if viewer is not None:
                    wants = viewer.receive(data)
        except Refused as error:
            assert viewer is not None
            self._drop(viewer, str(error))
        except Exception as error:  # noqa: BLE001 - whatever somebody sends, all others are served
            logger.error("a datagram was not understood", error=f"{type(error).__name__}: {error}")
        if wants:
            self.want_key()

    def _look(self, *, rights: bool) -> None:
        """End viewers that are over, or not allowed any more."""
        if rights:
            self.on_look()
        with self._lock:
            everybody = tuple(self._all.values())
        for viewer in everybody:
            try:
                with self._lock:
                    viewer.wake()
                why = viewer.over
            except Refused as error:
                why = str(error)
            if not why and rights and not self._viewers.allows(viewer.name, viewer.token):
                why = "not allowed any more"
            if why:
                self._drop(viewer, why)
        watching = sorted(viewer.name for viewer in everybody if viewer.watched and viewer.id in self._all)
        if watching != self._watching:
            self._watching = watching
            self._on_count(watching)

    def _drop(self, viewer: Viewer, why: str) -> None:
        """End a viewer, and write that down."""
        with self._lock:
            if self._all.pop(viewer.id, None) is None:
                return
            viewer.close()
        seconds = round(time.monotonic() - viewer.begun, 1)
        logger.info("viewer left", viewer=viewer.name, seconds=seconds, why=why)
        facts = {"camera": self._camera, "view": viewer.id[:8], "seconds": seconds, "why": why}
        try:
            self._viewers.note(STOPPED, viewer.name, saw_pictures=viewer.watched, **facts)
        except OutputError as error:
            logger.error("it was not written down who watched", viewer=viewer.name, error=str(error))

    def _send(self, datagram: bytes, place: Address) -> bool:
        with suppress(OSError):  # full, or there is no way to this viewer: it asks again, or falls silent
            return self._socket.sendto(datagram, place) == len(datagram)
        return False
