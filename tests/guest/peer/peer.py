#!/usr/bin/env python3
"""The host's side of tests over a tap: one check, in the machine's network namespace.

    peer.py PID GUEST CHECK

PID is run-qemu's, GUEST the machine's IPv4 address. What became of the check goes to port 9 of the
machine, which waits for it: `ok`, or why not. The exit status is 0 unless even that failed.
"""
import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
import raw

HOST = "10.0.2.2"
PREFIX = "fd00:5::"
HOST6, GUEST6 = PREFIX + "1", PREFIX + "5054:ff:fe00:1"
LOCAL6 = "fe80::5054:ff:fe00:1%tap0"
ECHO, VERDICT, CLOSES, FLOODS = 7, 9, 11, 13
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFHWADDR, SIOCSIFADDR, SIOCSIFMTU = 0x8927, 0x8916, 0x8922
SYSCTL = pathlib.Path("/proc/sys/net/ipv6/conf/tap0")
PATIENCE_S = 3600       # as the machine's: who hangs is ended with it
ASK_AGAIN_S = 5         # who has no answer to an echo request by then
BYTES = 300_000         # several windows
OPEN, SEQUENTIAL = 60, 200


def enter_namespace(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, flag in (("net", CLONE_NEWNET), ("user", CLONE_NEWUSER), ("net", CLONE_NEWNET)):
        file = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        done = libc.setns(file, flag) == 0
        os.close(file)
        if done and kind == "net":
            return
    raise OSError(ctypes.get_errno(), "the machine's network namespace")


def connect(address, port):
    return socket.create_connection((address, port), timeout=PATIENCE_S)


def read(connection, count):
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


def pattern(count, seed):
    return bytes((i * 7 + i // 251 + seed) % 256 for i in range(count))


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def echo(address, count=BYTES):
    """Sends and reads at the same time: the machine holds no more than a window."""
    data, received, sent = pattern(count, len(address)), bytearray(), 0
    with contextlib.closing(connect(address, ECHO)) as connection:
        while len(received) < count:
            if sent < count and sent - len(received) < 65536:
                sent += connection.send(data[sent:sent + 65536])
            else:
                received += connection.recv(65536) or sys.exit("closed")
    expect(bytes(received) == data, "the echo is not what was sent")


def ping(address):
    """ICMP or ICMPv6 echoes of several sizes, some of them in fragments."""
    six = ":" in address
    family, protocol = ((socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else
                        (socket.AF_INET, socket.IPPROTO_ICMP))
    with socket.socket(family, socket.SOCK_RAW, protocol) as icmp:
        icmp.settimeout(ASK_AGAIN_S)
        to = socket.getaddrinfo(address, 0, family)[0][4]
        for number, count in enumerate((0, 1, 56, 1400, 4000)):
            data = pattern(count, number)
            request = struct.pack(">BBHHH", 128 if six else 8, 0, 0, 99, number) + data
            if not six:     # the kernel does it for ICMPv6
                request = request[:2] + struct.pack(">H", raw.checksum(request)) + request[4:]
            wanted, reply = bytes([129 if six else 0]), b""
            while reply[:1] != wanted or struct.unpack(">HH", reply[4:8]) != (99, number):
                try:
                    if not reply:
                        icmp.sendto(request, to)
                    reply = icmp.recv(65536)[0 if six else 20:]
                except OSError as error:    # a machine that stood still has no ARP
                    if error.errno not in (None, errno.EHOSTUNREACH):
                        raise
                    reply = b""
            expect(reply[8:] == data, f"an echo of {count} bytes is altered")


def hardware_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return fcntl.ioctl(control, SIOCGIFHWADDR, struct.pack("16s24x", b"tap0"))[18:24]


def become_ipv6():
    """The host's side gets IPv6 and an address; no detection of duplicates, which takes seconds."""
    for name, value in (("accept_dad", 0), ("router_solicitations", 0), ("disable_ipv6", 0)):
        (SYSCTL / name).write_text(str(value), encoding="ascii")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack(
            "16sIi", socket.inet_pton(socket.AF_INET6, HOST6), 64, socket.if_nametoindex("tap0")))
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:       # Linux makes its addresses usable behind our back
        lines = pathlib.Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
        if sum("tap0" in line and not int(line.split()[4], 16) & 0x40 for line in lines) == 2:
            return
        time.sleep(0.01)
    raise AssertionError("the host has no IPv6 addresses")


def router(_):
    """A router's advertisement (RFC 4861 §4.2): of us, and of a prefix for everybody."""
    become_ipv6()
    options = struct.pack(">BB6s", 1, 1, hardware_address()) + struct.pack(
        ">BBBBIII16s", 3, 4, 64, 0xC0, 3600, 3600, 0, socket.inet_pton(socket.AF_INET6, PREFIX))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as icmp:
        index = socket.if_nametoindex("tap0")
        icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        icmp.sendto(struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + options,
                    ("ff02::1", 0, 0, index))


def names(guest):
    """Answers questions for names (RFC 1035 §4.1), once the machine knows that we do."""
    known = {("four.test", 1): socket.inet_aton("10.9.8.7"),
             ("six.test", 28): socket.inet_pton(socket.AF_INET6, "fd00:9::8")}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE_S)
        server.bind((HOST, 53))
        tell(guest, "ok")
        while True:
            query, asker = server.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, kind = ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0]
            address = known.get((name, kind))
            answer = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(address)) + address \
                if address else b""
            status = 0x8180 if any(name == other for other, _ in known) else 0x8183
            server.sendto(query[:2] + struct.pack(">HHHHH", status, 1, bool(address), 0, 0)
                          + query[12:at + 5] + answer, asker)
            if name == "last.test":
                return True


def checksums(guest):
    """What is spoilt gets no answer; the same, right, does."""
    host = raw.Host(guest)
    spoilt, tcp = raw.Tcp(host, ECHO, 5001), raw.Tcp(host, ECHO, 5003)
    spoilt.send(flags=raw.SYN, spoil=1)
    tcp.connect(never=spoilt)
    tcp.send(b"spoilt", flags=raw.ACK | raw.PSH, spoil=0x100)
    tcp.send(b"good..", flags=raw.ACK | raw.PSH)
    expect(tcp.take(6) == b"good..", "spoilt data came back, or good data did not")
    tcp.close()
    host.ask_echo(b"spoilt", spoil=1)
    expect(host.echoes(b"good") == [b"good"], "an answer to a spoilt IPv4 header")


def disorder(guest):
    """Segments and fragments in the wrong order, twice, and overlapping: each byte once."""
    host = raw.Host(guest)
    tcp = raw.Tcp(host, ECHO, 5002)
    data = pattern(4000, 1)
    tcp.connect()
    for at, count in ((3000, 1000), (1000, 1000), (1000, 1000), (2500, 1000), (1500, 1200), (0, 500),
                      (0, 500), (400, 700), (0, 1000)):
        tcp.send(data[at:at + count], flags=raw.ACK | raw.PSH, at=at)
    expect(tcp.take(4000) == data, "segments in disorder")
    tcp.sequence += 4000
    segment = tcp.segment(data[:1400], flags=raw.ACK | raw.PSH)
    for at, end in ((800, len(segment)), (0, 400), (0, 400), (400, 800)):
        more = 0x2000 if end < len(segment) else 0
        host.send_ip(segment[at:end], 6, ident=77, fragment=more | at // 8)
    expect(tcp.take(5400) == data + data[:1400], "fragments in disorder")
    tcp.close()


def sizes(guest):
    """Frames shorter than their headers, longer than the MTU, and of other lengths than they say."""
    host = raw.Host(guest)
    for count in range(0, 60):
        host.send_frame(bytes([0x45]) + bytes(count))
        host.send_frame(bytes([0x60]) + bytes(count), 0x86dd)
        host.send_frame(bytes(count), 0x0806)
    for length in (1, 19, 27, 200, 65535):
        host.ask_echo(b"x" * 40, length=length)
    expect(host.echoes(b"y" * 40) == [b"y" * 40], "an answer to a packet of another length")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si20x", b"tap0", 9000))
        for count in (1473, 2000, 2022, 2023, 4000, 8900):
            host.send_ip(bytes([8, 0]) + bytes(count), 1)  # a checksum that is wrong
            host.send_frame(bytes([0x45]) + b"\xff" * count)
        fcntl.ioctl(control, SIOCSIFMTU, struct.pack("16si20x", b"tap0", 1500))
    expect(host.echoes(b"z" * 40) == [b"z" * 40], "an answer to a long frame")


def link(guest):
    """A connection whose link goes away in the middle, at the machine's own wish."""
    data = pattern(BYTES, 3)
    with contextlib.closing(connect(guest, ECHO)) as connection:
        connection.sendall(data[:1000])
        expect(read(connection, 1000) == data[:1000], "the echo before")
        tell(guest, "ok")
        received, sent = bytearray(), 0
        while len(received) < BYTES:
            if sent < BYTES and sent - len(received) < 65536:
                sent += connection.send(data[sent:sent + 8192])
                time.sleep(0.005)   # so that it lasts beyond the break
            else:
                received += connection.recv(65536) or sys.exit("closed")
        expect(bytes(received) == data, "the echo is not what was sent")
    return False


def sequential(guest):
    """Connections that the machine closes first, while as many as it serves at a time stay open."""
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(contextlib.closing(connect(guest, ECHO))) for _ in range(OPEN)]
        for number in range(SEQUENTIAL):
            with contextlib.closing(connect(guest, CLOSES)) as connection:
                expect(read(connection, 100) == b"x", f"connection {number}")
        for number, connection in enumerate(kept):
            connection.sendall(bytes([number]))
            expect(read(connection, 1) == bytes([number]), f"connection {number}, kept open")


def silent(guest):
    """Clients that acknowledge nothing of what they are sent, and do not go."""
    host = raw.Host(guest)
    clients = [raw.Tcp(host, FLOODS, 6000 + number) for number in range(OPEN)]
    for client in clients:
        client.connect()
    silent_yet = {client.source for client in clients}
    for packet in host.packets(6):
        silent_yet -= {struct.unpack(">H", packet[2:4])[0]} if len(packet) > 20 else set()
        if not silent_yet:
            break
    expect(not silent_yet, f"{len(silent_yet)} clients were sent nothing")


def lease(guest):
    """A DHCP server (RFC 2131) that offers 10.0.2.40, and says so when that was taken."""
    offered = socket.inet_aton("10.0.2.40")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tap0")
        server.settimeout(PATIENCE_S)
        server.bind(("", 67))
        tell(guest, "ok")
        while True:
            query = server.recv(2048)
            kind = query[query.index(b"\x35\x01", 240) + 2]
            answer = b"\x02\x01\x06\0" + query[4:16] + offered + bytes(8) + query[28:44]
            options = bytes([53, 1, 2 if kind == 1 else 5, 54, 4]) + socket.inet_aton(HOST) \
                + b"\x33\4\0\0\x0e\x10" + b"\1\4\xff\xff\xff\0" + b"\3\4" + socket.inet_aton(HOST)
            server.sendto(answer.ljust(236, b"\0") + b"\x63\x82\x53\x63" + options + b"\xff",
                          ("255.255.255.255", 68))
            if kind == 3:
                return True


def tell(guest, text):
    with contextlib.closing(connect(guest, VERDICT)) as connection:
        connection.sendall(text.encode()[:500] + b"\n")


CHECKS = {
    "echo4": echo,
    "echo6": lambda _: echo(GUEST6),
    "local6": lambda _: echo(LOCAL6, 1000),
    "ping4": ping,
    "ping6": lambda _: ping(GUEST6),
    "router": router,
    "names": names,
    "checksums": checksums,
    "disorder": disorder,
    "sizes": sizes,
    "link": link,
    "sequential": sequential,
    "silent": silent,
    "lease": lease,
}


def main():
    pid, guest, check = sys.argv[1:]
    enter_namespace(pid)
    try:
        if not CHECKS[check](guest):    # True: it has said so itself
            tell(guest, "ok")
    except (AssertionError, OSError, SystemExit) as error:
        print(f"{check}: {error!r}")
        tell(guest, f"{check}: {error!r}")


if __name__ == "__main__":
    main()
