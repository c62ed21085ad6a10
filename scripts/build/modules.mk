# SPDX-License-Identifier: GPL-2.0
# The child's modules, for each kernel of tests/kernels/versions.list, built
# from a copy of the sources so that the checkout stays clean.

KVER ?= $(shell sed -n 's/^\([^\# \t][^ \t]*\).*/\1/p' tests/kernels/versions.list)

.PHONY: modules
modules: packages $(KVER:%=modules-%)

.PHONY: $(KVER:%=modules-%)
$(KVER:%=modules-%): modules-%: packages
	+$(quiet)scripts/build-modules $*

.PHONY: daemons
daemons: packages
	$(quiet)if [ -e daemons/Makefile ]; then \
		$(MAKE) --no-print-directory -C daemons; fi

.PHONY: dkms
dkms:
	$(quiet)scripts/stage-dkms build/dkms
