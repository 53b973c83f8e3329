"""libbpf.so.1 by ctypes: the few functions the sensor calls. Nothing is loaded before the first use."""

from __future__ import annotations

import ctypes
from functools import cache

__all__ = ["SAMPLE", "available", "libbpf"]

_POINTER, _INT, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_SIGNATURES = {
    "bpf_object__open_file": (_POINTER, [_TEXT, _POINTER]),
    "bpf_object__load": (_INT, [_POINTER]),
    "bpf_object__close": (None, [_POINTER]),
    "bpf_object__next_program": (_POINTER, [_POINTER, _POINTER]),
    "bpf_object__find_map_by_name": (_POINTER, [_POINTER, _TEXT]),
    "bpf_program__name": (_TEXT, [_POINTER]),
    "bpf_program__fd": (_INT, [_POINTER]),
    "bpf_program__set_autoload": (_INT, [_POINTER, ctypes.c_bool]),
    "bpf_program__set_log_buf": (_INT, [_POINTER, _TEXT, ctypes.c_size_t]),
    "bpf_map__fd": (_INT, [_POINTER]),
    "bpf_map__set_max_entries": (_INT, [_POINTER, ctypes.c_uint32]),
    "libbpf_set_print": (_POINTER, [_POINTER]),
    "ring_buffer__new": (_POINTER, [_INT, _POINTER, _POINTER, _POINTER]),
    "ring_buffer__consume": (_INT, [_POINTER]),
    "ring_buffer__free": (None, [_POINTER]),
}
# A record of a ring: context, address, length; below 0 ends the reading.
SAMPLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


@cache
def libbpf() -> ctypes.CDLL:
    """The library, silenced: errors come as errno. Raises OSError when it is not installed."""
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.libbpf_set_print(None)
    return library


def available() -> bool:
    try:
        libbpf()
    except (OSError, AttributeError):
        return False
    return True
