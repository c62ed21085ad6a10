# SPDX-License-Identifier: GPL-2.0
"""The nested root partition: its image, its QEMU, and talking to its agent."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile

from initramfs import Cpio, Kernel

KVM_CHECK_EXTENSION = 0xAE03
KVM_CAP_HYPERV_SYNIC2 = 148
KVM_CAP_HYPERV_EVENTFD = 154

BOOT_MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p",
                "overlay", "kvm_amd", "loop", "fuse", "tun", "bridge", "veth"]

HEADER = struct.Struct("<3scII")


class RootError(Exception):
    """The root partition cannot be had, or was lost."""


def kvm_has_hyperv(path="/dev/kvm"):
    try:
        with open(path, "rb+", buffering=0) as kvm:
            return all(fcntl.ioctl(kvm, KVM_CHECK_EXTENSION, cap) > 0
                       for cap in (KVM_CAP_HYPERV_SYNIC2,
                                   KVM_CAP_HYPERV_EVENTFD))
    except OSError:
        return False


def _newer(target, sources):
    try:
        made = os.stat(target).st_mtime_ns
    except OSError:
        return False
    return all(os.stat(s).st_mtime_ns < made for s in sources)


def _build_agent(project, out):
    folder = os.path.join(project, "scripts", "root-partition")
    sources = sorted(os.path.join(folder, f) for f in os.listdir(folder)
                     if f.endswith(".c"))
    headers = [os.path.join(folder, f) for f in os.listdir(folder)
               if f.endswith(".h")]
    if not _newer(out, sources + headers):
        _compile(out, sources, "-static")


def _compile(out, sources, *options):
    cc = shutil.which("cc")
    if not cc:
        raise RootError("no C compiler: run scripts/setup")
    tmp = f"{out}.{os.getpid()}"
    subprocess.run([cc, "-O2", "-D_GNU_SOURCE", *options, "-o", tmp,
                    *sources], check=True)
    os.replace(tmp, out)


def tsc_parameter(project):
    """The kernel parameter which tells the TSC's frequency."""
    source = os.path.join(project, "scripts", "root-partition", "tools",
                          "tsc-khz.c")
    program = os.path.join(project, "build", "rootpart", "tsc-khz")
    if not _newer(program, [source]):
        _compile(program, [source])
    khz = subprocess.run([program], stdout=subprocess.PIPE, text=True,
                         check=False).stdout.strip()
    return f" tsc_early_khz={khz}" if khz else ""


def build_image(project, kernel):
    """Builds what is stale; returns the initramfs file."""
    folder = os.path.join(project, "build", "rootpart")
    os.makedirs(folder, exist_ok=True)
    agent = os.path.join(folder, "agent")
    image = os.path.join(folder, f"initramfs-{kernel.name}.cpio")
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _build_agent(project, agent)
        if _newer(image, [agent, __file__,
                          os.path.join(kernel.root, "release")]):
            return image
        cpio = Cpio()
        for name in ("dev", "layer", "machine", "root"):
            cpio.folder(name)
        cpio.device("dev/console", stat.S_IFCHR, 5, 1)
        cpio.copy(agent, "init", 0o755)
        names = kernel.order(BOOT_MODULES)
        for name in names:
            cpio.file(f"modules/{name}.ko", kernel.read(name))
        cpio.file("modules.list",
                  "".join(f"/modules/{n}.ko\n" for n in names).encode())
        cpio.write(image)
    return image


def _die_with_parent():
    """In the child: ends with its parent, in a process group of its own."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)


def qemu(project):
    """The QEMU of scripts/fetch-qemu, or the machine's own."""
    own = os.path.join(project, "build", "qemu", "usr")
    program = os.path.join(own, "bin", "qemu-system-x86_64")
    if not os.path.exists(program):
        return ["qemu-system-x86_64"]
    return [program, "-L", os.path.join(own, "share", "qemu"),
            "-L", os.path.join(own, "share", "seabios")]


class Machine:
    """A running root partition, of whose processors commands see @smp.

    QEMU has one more, the first: the agent keeps commands off it, as nothing
    may execute VMRUN there (docs/testing.md).
    """

    def __init__(self, project, kernel, memory, smp, keep):
        image = build_image(project, kernel)
        self.folder = tempfile.mkdtemp(prefix="root-partition.")
        self.socket_path = os.path.join(self.folder, "agent")
        self.console = os.path.join(self.folder, "console.log")
        self.monitor = os.path.join(self.folder, "monitor")
        open(self.console, "w").close()
        command = qemu(project) + [
            "-nodefaults", "-no-user-config",
            "-accel", "tcg,thread=multi,tb-size=512",
            # Emulated SVM has no intercept for XSETBV, so KVM would not learn of
            # a child's XCR0: no XSAVE for either.  With five levels of page
            # tables each nested walk is longer.
            "-cpu", "max,+svm,+npt,-xsave,-la57", "-m", memory,
            "-smp", str(smp + 1),
            "-nic", "none", "-display", "none", "-no-reboot",
            "-kernel", kernel.image, "-initrd", image,
            # With the HPET as its clock, each look at it would leave for QEMU,
            # and KVM could give children no reference TSC page.
            "-append", "console=ttyS0 panic=-1 mitigations=off quiet "
                       "tsc=reliable clocksource=tsc "
                       "nokaslr no_timer_check selinux=0 apparmor=0" +
                       tsc_parameter(project),
            "-chardev", f"file,id=console,path={self.console}",
            "-serial", "chardev:console",
            "-monitor", f"unix:{self.monitor},server=on,wait=off",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={self.socket_path},"
                        "server=on,wait=off",
            "-device", "virtserialport,nr=1,name=agent,chardev=agent"]
        for tag, path, readonly in (
                ("root", "/", True), ("project", project, True),
                ("build", os.path.join(project, "build"), False)):
            mode = ",readonly=on" if readonly else ""
            quoted = path.replace(",", ",,")
            command += ["-fsdev", f"local,id={tag},path={quoted},"
                        f"security_model=none,multidevs=remap{mode}",
                        "-device", f"virtio-9p-pci,fsdev={tag},"
                        f"mount_tag={tag}"]
        stderr = open(os.path.join(self.folder, "qemu.log"), "w")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stderr,
                stderr=stderr,
                start_new_session=keep,
                preexec_fn=None if keep else _die_with_parent)
        except FileNotFoundError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise RootError("no qemu-system-x86_64: run scripts/setup")
        self.pid = self.process.pid

    def connect(self):
        """A socket to the agent, once QEMU has made it."""
        import time
        for _ in range(500):
            if self.process.poll() is not None:
                raise RootError("QEMU ended at once: " + self.tail("qemu.log"))
            try:
                return connect(self.socket_path)
            except OSError:
                time.sleep(0.01)
        raise RootError("QEMU made no agent socket")

    def tail(self, name="console.log", lines=20):
        return tail(os.path.join(self.folder, name), lines)

    def stop(self, keep_folder=False):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if not keep_folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def registers(folder):
    """What the processors of a machine do that does not answer, as text."""
    text = b""
    try:
        with connect(os.path.join(folder, "monitor")) as s:
            s.settimeout(3)
            s.sendall(b"info registers -a\n")
            while True:
                data = s.recv(65536)
                if not data:
                    break
                text += data
    except OSError as e:
        text += f"({e})\n".encode()
    # The monitor repeats what it is told, letter by letter.
    return text.decode(errors="replace").replace("\r", "").partition("\n\n")[2]


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    return s


def tail(path, lines):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError as e:
        return str(e)
