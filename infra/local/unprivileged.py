"""Runs a command as `nobody` when we are root, because PostgreSQL refuses to run as root.

Only the right to pass folder permissions is kept, so that it works wherever the checkout lies
(containers often keep it under /root). Run as `python unprivileged.py command...`.
"""

import ctypes
import os
import sys

_NOBODY = 65534
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT = 1, 8, 47
_PR_CAP_AMBIENT_RAISE = 2
_SIGKILL = 9


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


def runs_as() -> int | None:
    """The user id that PostgreSQL's files must belong to; None if our own will do."""
    return _NOBODY if os.geteuid() == 0 else None


def become_nobody() -> None:
    """Give up root for good, and keep being killed with our parent (a new user id clears that)."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    kept = 1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH
    header = _Header(_CAPABILITY_VERSION_3, 0)
    sets = (_Sets * 2)(_Sets(kept, kept, kept), _Sets(0, 0, 0))
    _check(libc.capset(ctypes.byref(header), sets))
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))
    _check(libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    if runs_as() is not None:
        become_nobody()
    os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
