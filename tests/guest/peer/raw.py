"""Frames made by hand, and a host of its own on the tap: what the kernel's sockets would not send."""
import select
import socket
import struct

TAP = "tap0"
MAC = bytes([2, 0, 0, 0, 0, 0x77])
GUEST_MAC = bytes([0x52, 0x54, 0, 0, 0, 1])
ADDRESS = "10.0.2.77"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WAIT_S = 3600       # for an answer that has to come: who hangs is ended with the machine


def checksum(data):
    """RFC 1071, inverted."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(payload, to, protocol, ident=1, fragment=0, length=None):
    """An IPv4 packet; `length` is what its header says when that is not true."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, length or 20 + len(payload), ident, fragment, 64,
                         protocol, 0, socket.inet_aton(ADDRESS), socket.inet_aton(to))
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


class Host:
    """ADDRESS, with a MAC of its own. Answers ARP while it waits for anything."""

    def __init__(self, guest):
        self.guest = guest
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((TAP, 0))

    def send_frame(self, payload, ethertype=0x0800):
        self.socket.send(GUEST_MAC + MAC + struct.pack(">H", ethertype) + payload)

    def send_ip(self, payload, protocol, **fields):
        self.send_frame(ip4(payload, self.guest, protocol, **fields))

    def answer_arp(self, frame):
        if frame[20:22] == b"\0\1" and frame[38:42] == socket.inet_aton(ADDRESS):
            self.send_frame(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + MAC + frame[38:42]
                            + frame[22:32], 0x0806)

    def packets(self, protocol):
        """The payloads of IPv4 packets for us, until nothing comes any more."""
        while select.select([self.socket], [], [], WAIT_S)[0]:
            frame = self.socket.recv(65536)
            if frame[12:14] == b"\x08\x06":
                self.answer_arp(frame)
            elif frame[:6] == MAC and frame[12:14] == b"\x08\x00" and frame[23] == protocol:
                yield frame[34:14 + struct.unpack(">H", frame[16:18])[0]]

    def ask_echo(self, data, spoil=0, **fields):
        """An echo request; `spoil` is added to the checksum of its IPv4 header."""
        request = struct.pack(">BBHHH", 8, 0, 0, 7, 7) + data
        packet = ip4(request[:2] + struct.pack(">H", checksum(request)) + request[4:], self.guest, 1,
                     **fields)
        self.send_frame(packet[:11] + bytes([packet[11] ^ spoil]) + packet[12:])

    def echoes(self, last):
        """Asks for an echo of `last`: the data of all that come, up to that one. The machine answers in
        order, so what was asked for before and is not among them does not come at all."""
        self.ask_echo(last)
        found = []
        for reply in self.packets(1):
            found += [reply[8:]] if reply[0] == 0 else []
            if found[-1:] == [last]:
                break
        return found


class Tcp:
    """One connection of such a host, whose every segment the test chooses."""

    def __init__(self, host, port, source):
        self.host, self.port, self.source = host, port, source
        self.sequence, self.expected, self.received = 1000, 0, b""
        self.acknowledged = 0

    def segment(self, data=b"", flags=ACK, at=None, spoil=0):
        """A segment at `at` bytes from our sequence number; `spoil` is added to its checksum."""
        sequence = self.sequence + (at or 0)
        header = struct.pack(">HHIIBBHHH", self.source, self.port, sequence, self.expected, 5 << 4,
                             flags, 65535, 0, 0)
        pseudo = socket.inet_aton(ADDRESS) + socket.inet_aton(self.host.guest) + struct.pack(
            ">HH", 6, len(header) + len(data))
        right = checksum(pseudo + header + data)
        return header[:16] + struct.pack(">H", (right + spoil) & 0xffff) + header[18:] + data

    def send(self, *data, **how):
        self.host.send_ip(self.segment(*data, **how), 6)

    def segments(self, never=None):
        """(flags, sequence number, acknowledged, data) of what comes for this connection; none must
        come for `never`, another one."""
        for packet in self.host.packets(6):
            source, to, sequence, acknowledged, size, flags = struct.unpack(">HHIIBB", packet[:14])
            if never and to == never.source:
                raise AssertionError("an answer to what was spoilt")
            if (source, to) == (self.port, self.source):
                self.acknowledged = acknowledged
                yield flags, sequence, acknowledged, packet[(size >> 4) * 4:]

    def connect(self, never=None):
        self.send(flags=SYN)
        for flags, sequence, _, _ in self.segments(never):
            if flags == SYN | ACK:
                self.sequence += 1
                self.expected = sequence + 1
                self.send()
                return
        raise AssertionError("no answer to SYN")

    def take(self, count):
        """Reads, and acknowledges, until that many bytes of the echo are there."""
        for _, sequence, _, data in self.segments():
            if sequence == self.expected and data:
                self.received += data
                self.expected += len(data)
                self.send()
            if len(self.received) >= count:
                break
        return self.received

    def close(self):
        """At once: a reset counts only where the machine expects our next byte."""
        self.send(flags=RST | ACK, at=self.acknowledged - self.sequence)
