#!/usr/bin/env python3
"""What a guest starts from: Debian's kernel as a plain ELF file, and a file system in memory with busybox, modules and us.

usage: image.py vmlinux VMLINUZ OUT
       image.py names - the modules that the guest needs
       image.py modules TREE OUT - TREE/lib/modules/VERSION has all, OUT gets what the guest needs
       image.py root KERNEL BINARY INIT OUT - KERNEL is kernel.sh's folder, BINARY a bmcnotice, INIT the guest's first process
"""

import bz2
import gzip
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys

MODULES = ("ipmi_si", "ipmi_devintf", "virtio_pci", "virtio_net", "virtio_blk", "ext4")
# Not when it boots: a story loads them.
LATER = ("ipmi_watchdog",)
# By what the compressed kernel begins with.
UNPACK = {b"\xfd7zXZ\x00": lambda data: lzma.LZMADecompressor().decompress(data), b"BZh": bz2.decompress,
          b"\x1f\x8b": gzip.decompress, b"\x28\xb5\x2f\xfd": lambda data: piped("zstd", "-dcq", data=data)}


def piped(*words, data=None):
    return subprocess.run(words, input=data, stdout=subprocess.PIPE, check=True).stdout


def vmlinux(source, out):
    """The kernel's boot protocol says where in the file the compressed one lies."""
    with open(source, "rb") as file:
        image = file.read()
    offset, length = struct.unpack_from("<II", image, 0x248)
    begin = ((image[0x1F1] or 4) + 1) * 512 + offset
    packed = image[begin:begin + length]
    unpack = next((how for magic, how in UNPACK.items() if packed.startswith(magic)), None)
    if unpack is None:
        sys.exit(f"{source}: packed in a way that is not known: {packed[:6].hex()}")
    with open(out, "wb") as file:
        file.write(unpack(packed))


class Root:
    """A file system in memory, in the format the kernel takes (cpio, newc)."""

    def __init__(self, path):
        self.file, self.number, self.folders = open(path, "wb"), 0, {""}
        self.entry("dev", 0o40755)
        self.folders.add("dev")
        self.entry("dev/console", 0o20600, device=(5, 1)) # before devtmpfs is there

    def entry(self, name, mode, data=b"", device=(0, 0)):
        self.number += 1
        path = name.encode() + b"\0"
        fields = (self.number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        for part in (b"070701" + b"".join(b"%08x" % field for field in fields) + path, data):
            self.file.write(part)
            self.file.write(b"\0" * (-self.file.tell() % 4))

    def folder(self, name):
        if name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self.entry(name, 0o40755)

    def add(self, name, data, mode=0o100644):
        self.folder(os.path.dirname(name))
        self.entry(name, mode, data)

    def copy(self, path, name, mode=0o100644):
        with open(path, "rb") as file:
            self.add(name, file.read(), mode)

    def close(self):
        self.entry("TRAILER!!!", 0)
        self.file.close()


def modules(tree, out):
    """The modules, each after those that it needs. (One of them only newer processors can load.)"""
    version, order = os.listdir(os.path.join(tree, "lib/modules"))[0], []
    os.mkdir(out)
    for name in MODULES + LATER:
        said = piped("modprobe", "-d", tree, "-S", version, "--show-depends", name).decode()
        for path in re.findall(r"^insmod (\S+)", said, re.M):
            if os.path.basename(path) not in order:
                order.append(os.path.basename(path))
                shutil.copy(path, out)
    with open(os.path.join(out, "order"), "w") as file:
        file.writelines(name + "\n" for name in order if name.removesuffix(".ko") not in LATER)


def libraries(program):
    """What a program needs; nothing if it is static."""
    said = subprocess.run(("ldd", program), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return set(re.findall(r"(/\S+) \(0x", said.stdout))


def root(kernel, binary, init, out):
    files = Root(out)
    busybox = shutil.which("busybox")
    files.copy(busybox, "bin/busybox", 0o100755)
    files.add("bin/sh", b"busybox", 0o120777)
    files.copy(init, "init", 0o100755)
    files.copy(binary, "bin/bmcnotice", 0o100755)
    # FreeIPMI's watchdog daemon, which also plays the firmware; and what starts a program as a real-time task.
    programs = {"bin/bmc-watchdog": os.path.join(kernel, "bmc-watchdog"), "bin/chrt": shutil.which("chrt")}
    for name, path in programs.items():
        files.copy(path, name, 0o100755)
    for library in sorted(set().union(*map(libraries, [binary, busybox, *programs.values()]))):
        files.copy(library, library.lstrip("/"), 0o100755)
    for module in os.listdir(os.path.join(kernel, "modules")):
        files.copy(os.path.join(kernel, "modules", module), f"modules/{module}")
    for folder in ("proc", "sys", "run", "tmp", "etc", "disk", "root"):
        files.folder(folder)
    files.add("var/run", b"/run", 0o120777)
    files.add("etc/passwd", b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    files.add("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    files.close()


if __name__ == "__main__":
    commands = {"names": lambda: print(*MODULES, *LATER), "vmlinux": vmlinux, "modules": modules, "root": root}
    commands[sys.argv[1]](*sys.argv[2:])
