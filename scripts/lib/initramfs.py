# SPDX-License-Identifier: GPL-2.0
"""Initramfs images: cpio archives, and kernel modules in loading order."""

import lzma
import os
import stat


class KernelError(Exception):
    """A kernel or a module that is not there."""


class Kernel:
    """A kernel unpacked in build/kernels/NAME by scripts/fetch-kernels."""

    def __init__(self, project, name):
        self.name = name
        self.root = os.path.join(project, "build", "kernels", name)
        try:
            with open(os.path.join(self.root, "release")) as f:
                self.release = f.read().strip()
        except OSError:
            raise KernelError(f"no kernel {name} in build/kernels: "
                              f"run scripts/fetch-kernels {name}")
        self.image = os.path.join(self.root, "boot",
                                  f"vmlinuz-{self.release}")
        self.modules = os.path.join(self.root, "lib", "modules", self.release)
        self._depends = None
        self._builtin = None

    @staticmethod
    def _key(path):
        name = os.path.basename(path)
        for end in (".xz", ".ko"):
            if name.endswith(end):
                name = name[:-len(end)]
        return name.replace("-", "_")

    def _read(self):
        self._depends = {}
        with open(os.path.join(self.modules, "modules.dep")) as f:
            for line in f:
                path, _, needs = line.partition(":")
                self._depends[self._key(path)] = (path, needs.split())
        with open(os.path.join(self.modules, "modules.builtin")) as f:
            self._builtin = {self._key(line.strip()) for line in f}

    def order(self, names):
        """Names of modules with all they need, needed ones first."""
        if self._depends is None:
            self._read()
        result = []

        def visit(name):
            name = name.replace("-", "_")
            if name in result or name in self._builtin:
                return
            if name not in self._depends:
                raise KernelError(f"kernel {self.release} has no "
                                  f"module {name}")
            for need in reversed(self._depends[name][1]):
                visit(self._key(need))
            if name not in result:
                result.append(name)

        for name in names:
            visit(name)
        return result

    def needs(self, name):
        """Direct and indirect needs of a module, by name."""
        return self.order([name])[:-1]

    def read(self, name):
        """The module's file, unpacked."""
        path = os.path.join(self.modules, self._depends[name][0])
        with open(path, "rb") as f:
            data = f.read()
        return lzma.decompress(data) if path.endswith(".xz") else data


class Cpio:
    """A new-format cpio archive in the making."""

    def __init__(self):
        self._parts = []
        self._count = 0
        self._folders = {""}

    def _entry(self, name, mode, data=b"", dev=(0, 0)):
        self._count += 1
        raw = name.encode() + b"\0"
        fields = [self._count, mode, 0, 0, 1, 0, len(data), 0, 0,
                  dev[0], dev[1], len(raw), 0]
        head = b"070701" + b"".join(b"%08X" % x for x in fields) + raw
        self._parts += [head, b"\0" * (-len(head) % 4),
                        data, b"\0" * (-len(data) % 4)]

    def folder(self, name):
        name = name.strip("/")
        if name in self._folders:
            return
        self.folder(os.path.dirname(name))
        self._folders.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def copy(self, path, name=None, mode=None):
        with open(path, "rb") as f:
            data = f.read()
        if mode is None:
            mode = os.stat(path).st_mode & 0o777
        self.file(name or path, data, mode)

    def link(self, name, target):
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, kind, major, minor, mode=0o600):
        name = name.strip("/")
        self.folder(os.path.dirname(name))
        self._entry(name, kind | mode, dev=(major, minor))

    def write(self, path):
        """Writes the archive; a reader never sees half of it."""
        self._entry("TRAILER!!!", 0)
        tmp = f"{path}.{os.getpid()}"
        with open(tmp, "wb") as f:
            f.write(b"".join(self._parts))
        os.replace(tmp, path)
