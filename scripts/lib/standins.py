# SPDX-License-Identifier: GPL-2.0
"""Small stand-ins for large shared libraries that a tool links but does not
use in a test: Debian's fio needs 80 MB of them for network storage alone.

A stand-in has the library's name, its symbol versions and every function that
the program takes from it; calling one ends the program.
"""

import os
import re
import subprocess

# Libraries of fio's engines for remote and persistent memory.
REPLACED = re.compile(r"^lib(rbd|rados|gfapi|nbd|ibverbs|rdmacm|pmem|pmemblk)"
                      r"\.so")


def _tool(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, check=True,
                          text=True).stdout


def _needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", _tool("readelf", "-Wd", path))


def _versions(path):
    """{library: [version]} as the program wants them."""
    result, lib = {}, None
    in_needs = False
    for line in _tool("readelf", "-WV", path).splitlines():
        if "Version needs section" in line:
            in_needs = True
        elif line.startswith("Version "):
            in_needs = False
        found = re.search(r"File: (\S+)", line)
        if in_needs and found:
            lib = found.group(1)
            result[lib] = []
        found = re.search(r"Name: (\S+) ", line)
        if in_needs and found and lib:
            result[lib].append(found.group(1))
    return result


def _undefined(path):
    """[(symbol, version or '')] that the program takes from libraries."""
    result = []
    for line in _tool("nm", "-D", "--undefined-only",
                      path).splitlines():
        kind, symbol = line.split()[-2:]
        if kind in "wv":
            continue            # weak: may stay undefined
        name, _, version = symbol.partition("@")
        result.append((name, version.lstrip("@")))
    return result


def _defined(paths):
    names = set()
    for path in paths:
        for line in _tool("nm", "-D", "--defined-only", path).splitlines():
            names.add(line.split()[-1].partition("@")[0])
    return names


def make(program, libraries, folder):
    """Builds stand-ins in folder; returns {soname: file}, and the libraries
    that remain needed."""
    replaced = [n for n in _needed(program) if REPLACED.match(n)]
    if not replaced:
        return {}, libraries
    kept_names = {n for n in _needed(program) if n not in replaced}
    by_name = {os.path.basename(p): p for p in libraries}
    kept = [p for p in libraries if "ld-linux" in p]
    todo = sorted(kept_names)
    while todo:
        path = by_name.get(todo.pop())
        if path and path not in kept:
            kept.append(path)
            todo += _needed(path)

    os.makedirs(folder, exist_ok=True)
    versions = _versions(program)
    undefined = _undefined(program)
    have = _defined(kept)
    loose = [n for n, v in undefined if not v and n not in have]
    result = {}
    for lib in replaced:
        nodes = {v: [n for n, w in undefined if w == v]
                 for v in versions.get(lib, [])}
        text, script = [], []
        for names in [*nodes.values(), loose]:
            text += [f"void {n}(void) {{ __builtin_trap(); }}" for n in names]
        for version, names in nodes.items():
            script.append(f"{version} {{ global: {'; '.join(names)}; }};")
        out = os.path.join(folder, lib)
        with open(out + ".c", "w") as f:
            f.write("\n".join(text) + "\n")
        with open(out + ".map", "w") as f:
            f.write("\n".join(script) + "\n")
        command = ["cc", "-shared", "-fPIC", "-nostdlib", "-w", "-fno-builtin",
                   f"-Wl,-soname,{lib}", "-o", out, out + ".c"]
        if script:
            command.append(f"-Wl,--version-script,{out}.map")
        subprocess.run(command, check=True)
        loose = []      # once is enough
        result[lib] = out
    return result, kept
