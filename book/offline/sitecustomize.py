"""Blocks the network for every Python process that has this folder on its PYTHONPATH.

Notebooks run with it: what needs the network fails here, and not in a learner's train.
Connections to this machine stay open, because Jupyter's kernels talk over them.
"""

import ipaddress
import socket

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_sendto = socket.socket.sendto
_getaddrinfo = socket.getaddrinfo


def _is_local(host):
    if host in (None, "", b"", "localhost", b"localhost", socket.gethostname()):
        return True
    try:
        text = host.decode() if isinstance(host, bytes) else str(host)
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:  # a name of another machine
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_foreign(host):
    if not _is_local(host):
        raise ConnectionRefusedError(f"The network is blocked while notebooks run: {host}")


def _checked(call, address):
    def wrapped(self, *args):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_foreign(address(args)[0])
        return call(self, *args)

    return wrapped


def _resolve(host, *args, **kwargs):
    _refuse_foreign(host)
    return _getaddrinfo(host, *args, **kwargs)


socket.socket.connect = _checked(_connect, lambda args: args[0])
socket.socket.connect_ex = _checked(_connect_ex, lambda args: args[0])
socket.socket.sendto = _checked(_sendto, lambda args: args[-1])
socket.getaddrinfo = _resolve
