"""Renewal in the background: one thread per client at most, alive only while there is work.

A lock is renewed at a third of its lease, until it is released or lost, its handle is forgotten,
the thread that acquired it ends, the process forks, or the interpreter exits. A fault is tried
again until the lease is over. A process that was frozen finds the lease over, and renews nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from dataclasses import dataclass

from erasure_shared.mutex.core import retry_wait_s
from erasure_shared.mutex.lock import Lock
from erasure_shared.mutex.surroundings import Surroundings
from erasure_shared.mutex.values import Failed

logger = logging.getLogger("erasure_shared.mutex")

_RETRIES_PER_LEASE = 20
"""With short leases a failed renewal is repeated sooner than usual."""

_EXIT_WAIT_S = 1.0


@dataclass(slots=True)
class _Watched:
    lock: weakref.ref[Lock]
    due_monotonic_s: float


class Renewer:
    """Keeps locks alive until it is told to forget them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._watched: dict[int, _Watched] = {}
        self._thread: threading.Thread | None = None
        self._stopped = False

    def watch(self, lock: Lock) -> None:
        """Renew the lock from now on."""
        if self._pid != os.getpid():  # a forked child inherits neither the thread nor the locks
            self._reset()
        with self._changed:
            self._stopped = False
            due = self._now_s() + lock.renewal_due_in_s()
            self._watched[id(lock)] = _Watched(weakref.ref(lock), due)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="erasure-mutex-renewer", daemon=True
                )
                _running.add(self)
                self._thread.start()
            self._changed.notify_all()

    def forget(self, lock: Lock) -> None:
        """Renew the lock no more; the thread ends when it was the last one."""
        if self._pid != os.getpid():
            return
        with self._changed:
            watched = self._watched.get(id(lock))
            if watched is not None and watched.lock() is lock:
                del self._watched[id(lock)]
                self._changed.notify_all()

    def stop(self) -> None:
        """Renew nothing any more; what is held runs out by itself."""
        if self._pid != os.getpid():
            return
        with self._changed:
            self._stopped = True
            self._watched.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_EXIT_WAIT_S)

    def is_running(self) -> bool:
        """Whether there is a thread."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _run(self) -> None:
        while self._wait_until_due():
            for key in self._due():
                self._renew(key)

    def _wait_until_due(self) -> bool:
        """False when nothing is left to do, and with it the thread ends."""
        with self._changed:
            while self._watched and not self._stopped:
                first = min(watched.due_monotonic_s for watched in self._watched.values())
                wait_s = first - self._now_s()
                if wait_s <= 0:
                    return True
                self._changed.wait(wait_s)
            self._thread = None
            return False

    def _due(self) -> list[int]:
        with self._changed:
            now_s = self._now_s()
            return [key for key, item in self._watched.items() if item.due_monotonic_s <= now_s]

    def _renew(self, key: int) -> None:
        """Renew one lock, outside of every lock of this client: a slow call blocks nobody."""
        with self._changed:
            watched = self._watched.get(key)
        lock = None if watched is None else watched.lock()
        again_in_s = None if lock is None else self._renewed_for(lock)
        with self._changed:
            if watched is None or self._watched.get(key) is not watched:
                return
            if again_in_s is None:
                del self._watched[key]
            else:
                watched.due_monotonic_s = self._now_s() + again_in_s

    def _renewed_for(self, lock: Lock) -> float | None:
        """Seconds until the lock is due again; None when it is not to be renewed any more."""
        if lock.owner_is_gone():
            logger.warning("the owner of a lock is gone without releasing it; not renewed")
            return None
        try:
            reply = lock.renew_once(lock.lease_s)
        except Exception:  # a heartbeat must outlive every surprise; the lease bounds it
            logger.exception("renewing a lock failed; trying again until its lease ends")
            return self._retry_in_s(lock)
        if isinstance(reply, Failed):
            logger.warning("renewing a lock failed; trying again", exc_info=reply.error)
            return self._retry_in_s(lock)
        return lock.renewal_due_in_s() if lock.is_held() else None

    def _retry_in_s(self, lock: Lock) -> float:
        wait_s = retry_wait_s(self._surroundings.fresh())
        return min(wait_s, lock.lease_s / _RETRIES_PER_LEASE)

    def _now_s(self) -> float:
        return self._surroundings.now().monotonic_s


_running: weakref.WeakSet[Renewer] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for renewer in list(_running):
        renewer.stop()
