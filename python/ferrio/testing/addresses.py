"""Addresses of the network in memory, IPv4 and IPv6, and Names: which host has which.

An address is a text. Tables have it with a port; what programs see as the name of a socket has two more items
with IPv6, as in the module `socket`.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Any

__all__ = ("ANY", "ANY6", "LOOPBACK", "LOOPBACK6", "Names", "family_of", "mapped", "socket_name", "unmapped")

ANY = "0.0.0.0"
LOOPBACK = "127.0.0.1"
ANY6 = "::"
LOOPBACK6 = "::1"

# An IPv4 address as IPv6 sockets show it.
_MAPPED = "::ffff:"


def family_of(address: str) -> socket.AddressFamily:
    """Return the family of an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def socket_name(address: str, port: int) -> tuple[Any, ...]:
    """Return an address and a port as sockets show them: with IPv6, flow information and scope follow."""
    return (address, port, 0, 0) if ":" in address else (address, port)


def mapped(address: str) -> str:
    """Return an IPv4 address as IPv6 sockets show it; an IPv6 address as it is."""
    return address if ":" in address else _MAPPED + address


def unmapped(address: str) -> str:
    """Return the IPv4 address that an IPv6 address stands for, or the address as it is."""
    return address.removeprefix(_MAPPED) if "." in address else address


def _normal(text: str) -> str:
    """Return a text as names and addresses are compared.

    DNS knows no case, libraries encode what is not ASCII, and an IPv6 address may be written in many ways.
    """
    if ":" in text:
        with contextlib.suppress(OSError, ValueError):
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    if not text.isascii():
        with contextlib.suppress(UnicodeError):
            text = text.encode("idna").decode()
    return text.lower().removesuffix(".") or text


def _is_ipv4(text: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        socket.inet_pton(socket.AF_INET, text)
        return True
    return False


class Names:
    """Hosts by name and by address. A host has an IPv4 and an IPv6 address."""

    def __init__(self) -> None:
        self.hosts: dict[str, Any] = {}
        self._by_address: dict[str, Any] = {}
        # Whether a name has its IPv6 address too when nobody asks for a family; that one is the first then.
        self.is_dual = False

    def get(self, name: str) -> Any:
        """Return the host of this name, or None."""
        return self.hosts.get(_normal(name))

    def next_addresses(self) -> tuple[str, str]:
        """Return the addresses of the next host."""
        number = len(self.hosts) + 1
        ipv6 = socket.inet_ntop(socket.AF_INET6, (0xFD << 120 | number).to_bytes(16, "big"))
        return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", ipv6

    def add(self, host: Any) -> None:
        """Add a host."""
        self.hosts[_normal(host.name)] = host
        self._by_address[host.address] = self._by_address[host.address6] = host

    def resolve(self, name: Any, here: Any, family: int = 0) -> list[tuple[Any, str]]:
        """Return hosts and addresses for a name or an address, as a host sees it, in the order to try them.

        gaierror if there is none, or none of the family.
        """
        if family not in {0, socket.AF_INET, socket.AF_INET6}:
            raise socket.gaierror(socket.EAI_FAMILY, "ai_family not supported")
        text = _normal(name.decode("ascii", "replace") if isinstance(name, bytes) else str(name))
        found = self._found(text, here)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        of_family = [
            address
            for address in found
            if not family or family_of(address[1]) == socket.AddressFamily(family)
        ]
        if not of_family:
            raise socket.gaierror(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
        return of_family if family or self.is_dual else of_family[-1:]

    def listening(self, name: Any, here: Any, family: int = 0) -> list[str]:
        """Return the addresses on which a server listens that is to listen on a name."""
        if name in {None, "", ANY, ANY6}:
            families = {ANY: socket.AF_INET, ANY6: socket.AF_INET6}
            wanted = [
                address
                for address, number in families.items()
                if family in {0, number} and (not name or name == address)
            ]
            if not wanted:
                raise socket.gaierror(socket.EAI_ADDRFAMILY, "Address family for hostname not supported")
            return wanted
        return [address for _, address in self.resolve(name, here, family)]

    def _found(self, text: str, here: Any) -> list[tuple[Any, str]]:
        """Return all addresses of a name, IPv6 first; or the address that the text is."""
        if text == "localhost":
            return [(here, LOOPBACK6), (here, LOOPBACK)]
        if text == LOOPBACK6:
            return [(here, LOOPBACK6)]
        ipv4 = unmapped(text)
        if ipv4.startswith("127.") and _is_ipv4(ipv4):
            return [(here, LOOPBACK if ipv4 == text else mapped(LOOPBACK))]
        if (host := self.hosts.get(text)) is not None:
            return [(host, host.address6), (host, host.address)]
        host = self._by_address.get(ipv4)
        return [] if host is None else [(host, text)]
