"""The devices of run-qemu's machine: what the words of DEVICES mean, and QEMU's arguments for them.

A word is KIND[:OPTION...][@port], words are separated by commas:

    rng                 a source of randomness
    blk[:SIZE][:iops=N][:ro]
                        a disk of SIZE (1K to 999M; 16M) made for this run: the little-endian 64-bit
                        word at each byte offset has that offset as its value, with the disk's
                        number in its highest byte; iops slows it down, ro makes it read-only
    net[:user|tap|hub]  a NIC: user-mode networking that reaches nothing outside, a tap device in a
                        network namespace of its own, or a hub that joins all NICs on it
    balloon             a device that the kernel hands out to nobody

`@port` puts it behind a PCIe root port of its own, from which it can be removed. All are modern
virtio PCI devices. They are in slots 1, 2, ... of bus 0 in the order of the words, with NET's NIC
and the disks of DATA and STORE before them. Their names count per kind (net0, net1, blk0); a port is
called NAME-port.
The host is 10.0.2.2 on a tap as it is in user-mode networking, and never sends anything unasked.
"""
import array
import ctypes
import fcntl
import json
import os
import pathlib
import re
import socket
import struct
import sys

HOST, PREFIX = "10.0.2.2", "255.255.255.0"
TAP = "tap0"
NOT_PERMITTED = 77      # exit status: this host does not let us make what the machine needs
SLOTS = 31
BLOCK_QUEUES = 8
UNITS = {"K": 1 << 10, "M": 1 << 20}
WORD = re.compile(r"(rng|balloon|blk(?::[1-9]\d{0,2}[KM])?(?::iops=[1-9]\d*)?(?::ro)?"
                  r"|net(?::(?:user|tap|hub))?)(@port)?")
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454CA, 0x2, 0x1000, 0x4000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8916, 0x891C, 0x1


class Refused(Exception):
    """A device that cannot be had: the text says which and why; `status` is run-qemu's."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


class Device:
    """One word, with a name of its own."""

    def __init__(self, word, counts, data=None, forwards=(), fault=None):
        match = WORD.fullmatch(word)
        if not match:
            raise Refused(f"DEVICES: {word}: must be rng, balloon, blk[:SIZE][:iops=N][:ro] or "
                          "net[:user|tap|hub], and @port behind it for a root port")
        self.kind, *self.options = match[1].split(":")
        self.number = counts.get(self.kind, 0)
        counts[self.kind] = self.number + 1
        self.name = f"{self.kind}{self.number}"
        self.port = match[2] is not None
        self.data, self.forwards, self.fault = data, forwards, fault

    def has(self, option):
        return option in self.options


def parse(words, net="none", data=None, forwards=(), store=None, fault=None):
    """All devices, in the order of their slots. `net`, `data` and `store` are NET, DATA, STORE;
    `fault` is ("once" or "always", sector) of the store."""
    counts = {}
    found = [Device(f"net:{net}", counts, forwards=forwards)] if net != "none" else []
    found += [Device("blk", counts, data=data)] if data else []
    found += [Device("blk:ro", counts, data=store, fault=fault)] if store else []
    found += [Device(word, counts) for word in words.split(",") if word]
    if len(found) > SLOTS:
        raise Refused(f"DEVICES: {len(found)} devices, there are {SLOTS} slots")
    taps = [device for device in found if device.has("tap")]
    if len(taps) > 1:
        raise Refused("DEVICES: one NIC on a tap device at most")
    if taps and net == "user":
        raise Refused("NET=user and a NIC on a tap device: in the tap's network namespace nobody "
                      "could reach the forwarded ports")
    return found


def size_of(word):
    return int(word[:-1]) * UNITS[word[-1]]


def make_disk(path, size, number):
    """A disk with the contents that the head of this file describes."""
    words = array.array("Q", range(number << 56, (number << 56) + size, 8))
    if sys.byteorder == "big":
        words.byteswap()
    with open(path, "wb") as file:
        words.tofile(file)


def faulty(file, fault):
    """The same file, reads of a sector of which fail."""
    how, sector = fault
    return {"driver": "blkdebug", "image": file, "inject-error": [
        {"event": "read_aio", "iotype": "read", "sector": sector, "once": how == "once",
         "immediately": True}]}


def disk(device, folder):
    """Arguments of a disk's backend."""
    path, size = device.data, None
    what = "STORE" if device.has("ro") else "DATA"
    if path:
        if not os.path.isfile(path):
            raise Refused(f"{what}={path}: no such file")
        if os.path.getsize(path) % 512 or not os.path.getsize(path):
            raise Refused(f"{what}={path}: its size must be a multiple of 512 bytes, and not 0")
    else:
        path = os.path.join(folder, device.name)
        size = next((size_of(option) for option in device.options if option[0].isdigit()), 16 << 20)
        make_disk(path, size, device.number)
    node = {"driver": "raw", "node-name": f"{device.name}-disk", "read-only": device.has("ro"),
            "discard": "unmap", "cache": {"no-flush": device.data is None},
            "file": {"driver": "file", "filename": os.path.abspath(path)}}
    arguments = []
    if device.fault:
        node["file"] = faulty(node["file"], device.fault)
    slow = next((option for option in device.options if option.startswith("iops=")), None)
    if slow:
        arguments = ["-object", f"throttle-group,id={device.name}-limit,x-iops-total={slow[5:]}"]
        node = {"driver": "throttle", "node-name": f"{device.name}-slow",
                "throttle-group": f"{device.name}-limit", "read-only": device.has("ro"),
                "file": node}
    return [*arguments, "-blockdev", json.dumps(node)], node["node-name"]


def call(function, *arguments):
    """A function of the C library, or OSError."""
    if function(*arguments):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def enter_namespace():
    """Moves this process into a network namespace of its own, by a user namespace if need be."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if user == 0:
        call(libc.unshare, CLONE_NEWNET)
        return
    call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"),
                       ("gid_map", f"0 {group} 1")):
        pathlib.Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def interface_address(request, address):
    """Sets the tap's address or netmask: a struct ifreq with a sockaddr_in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, request, struct.pack("16sHH4s16x", TAP.encode(), socket.AF_INET, 0,
                                                  socket.inet_aton(address)))


def open_tap():
    """A tap device in a network namespace of its own, in which this process is from now on."""
    try:
        enter_namespace()
        # Else the host would send router solicitations as soon as the device is up.
        silent = pathlib.Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
        if silent.exists():
            silent.write_text("1", encoding="ascii")
        tap = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", TAP.encode(),
                                                IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        interface_address(SIOCSIFADDR, HOST)
        interface_address(SIOCSIFNETMASK, PREFIX)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", TAP.encode(), IFF_UP))
    except OSError as error:
        raise Refused(f"tap: this host does not permit a tap device in a network namespace of its "
                      f"own: {error}", NOT_PERMITTED) from error
    os.set_inheritable(tap, True)
    return tap


def network(device):
    """Arguments of a NIC's backend."""
    backend = (device.options or ["user"])[0]
    if backend == "tap":
        what = f"tap,fd={open_tap()}"
    elif backend == "hub":
        what = "hubport,hubid=0"
    else:
        closed = "" if device.forwards else ",restrict=on"
        what = "user" + closed + "".join(f",hostfwd=tcp:127.0.0.1:{port}-:{inside}"
                                         for port, inside in device.forwards)
    return ["-netdev", f"{what},id={device.name}-host"]


def options(device, folder):
    """(arguments of its backend, options of the device itself)."""
    if device.kind == "blk":
        backend, node = disk(device, folder)
        return backend, f"virtio-blk-pci,drive={node},num-queues={BLOCK_QUEUES}"
    if device.kind == "net":
        return network(device), (f"virtio-net-pci,netdev={device.name}-host,romfile=,"
                                 f"mac=52:54:00:00:00:{device.number + 1:02x}")
    return [], f"virtio-{device.kind}-pci"


def arguments(found, folder):
    """QEMU's arguments for all devices. Makes disks in `folder`, and tap devices."""
    result = []
    for slot, device in enumerate(found, 1):
        backend, text = options(device, folder)
        where = f"bus=pcie.0,addr={slot:#x}"
        if device.port:
            port = f"{device.name}-port"
            result += ["-device", f"pcie-root-port,id={port},chassis={slot},{where}"]
            where = f"bus={port},addr=0x0"
        result += [*backend, "-device", f"{text},id={device.name},disable-legacy=on,{where}"]
    return result
