# SPDX-License-Identifier: GPL-2.0
# The human entry.  `make help` lists what there is.

# Kbuild reads this file too when a kernel builds in this folder (DKMS).
ifeq ($(KERNELRELEASE),)

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

JOBS ?= $(shell nproc)
V ?= 0
ifeq ($(V),0)
say = @printf '  %-8s %s\n' '$(1)' '$(2)';
quiet = @
else
say =
quiet =
endif

.PHONY: help
help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: The main jobs (each sets up what it needs, as root on Debian):
#:   make run         boot a child partition with our modules and look at it
#:   make check       all tests; the last lines are those of prove
#: Building:
#:   make host        the root partition's programs, in build/host
#:   make modules     the child's modules, in build/modules/RELEASE
#:                    (KVER=6.1 for one kernel of tests/kernels/versions.list)
#:   make daemons     the child's services
#:   make dkms        the DKMS source package, in build/dkms
#: Testing:
#:   make unit        unit tests, wire headers, short fuzz runs: no VM
#:   make vm-tests    the tests with virtual machines (TESTS="tests/vm/x.t ...")
#:   make check-long  the longer tests with virtual machines
#:   make soak        two children at a time that boot, work and end, for MINUTES=240
#:   make check-debug our modules on a kernel with KASAN, lockdep, kmemleak, which
#:                    is built first (some minutes)
#:   make fuzz        fuzz for FUZZ_TIME=60 seconds each
#:   make abi-check   compare our exports with the kernels' own
#:   make style       checkpatch, sparse, clang-format, cppcheck, includes, tests
#:   make format      clang-format for user space
#: Further:
#:   make setup       install missing packages, fetch kernels and QEMU
#:   make install     programs, manual pages, completion, below PREFIX=/usr/local;
#:                    make uninstall takes them away
#:   make clean       remove what was built; kernels and QEMU stay
#:   V=1 shows commands.

include scripts/build/host.mk
include scripts/build/modules.mk
include scripts/build/tests.mk

.PHONY: all setup packages run check check-long soak check-debug style format abi-check clean install uninstall
all: host modules

setup:
	$(quiet)scripts/setup

# What compiling needs; also the first thing on a fresh machine.
packages:
	$(quiet)scripts/setup --packages

run: setup
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host modules
	$(quiet)scripts/run-child

check: setup
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host modules daemons test-programs kselftest
	$(quiet)scripts/check

check-long: setup
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host modules daemons kselftest
	$(quiet)scripts/check --long

MINUTES ?= 240
soak: setup
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host modules
	$(quiet)ENLIGHT_SOAK_MINUTES=$(MINUTES) scripts/check --vm tests/vm/soak.t

check-debug: setup
	$(quiet)JOBS=$(JOBS) scripts/build-debug-kernel
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) modules KVER=debug
	$(quiet)scripts/check --debug

style: setup
	$(quiet)scripts/style

format: packages
	$(quiet)scripts/style --fix

abi-check: modules
	$(quiet)scripts/abi-check

clean:
	rm -rf $(filter-out build/kernels build/linux-source build/qemu,$(wildcard build/*))

PREFIX ?= /usr/local
installed = $(DESTDIR)$(PREFIX)
completions = $(installed)/share/bash-completion/completions
install: host
	install -d $(installed)/bin $(installed)/share/man/man1 $(completions)
	install $(host-programs) $(installed)/bin
	install -m 644 docs/man/*.1 $(installed)/share/man/man1
	for p in $(notdir $(host-programs)); do \
		install -m 644 host/hvctl/completion.bash $(completions)/$$p; done

uninstall:
	rm -f $(patsubst build/host/%,$(installed)/bin/%,$(host-programs)) \
		$(patsubst docs/man/%,$(installed)/share/man/man1/%,$(wildcard docs/man/*.1)) \
		$(patsubst build/host/%,$(completions)/%,$(host-programs))

endif
