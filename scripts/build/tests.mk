# SPDX-License-Identifier: GPL-2.0
# Test programs find themselves: one per file in tests/unit and tests/fuzz.
# A file says in its first lines which rooms it links:  " * links: vmbus mem"

links = $(shell sed -n '1,30s/^ \* links: *//p' $(1))

# One that compiles sources of the kernel side says " * kernel headers: empty": what is
# in those that user space lacks it brings itself, as far as it is needed.
empty-headers = $(if $(shell sed -n '1,30s/^ \* kernel headers: //p' $(1)),build/empty)

build/empty/made: $(wildcard kernel/*/*.[ch])
	$(quiet)for h in $$(sed -n 's/^#include <\([a-z]*\/.*\.h\)>.*/\1/p' $^ | sort -u); do \
		mkdir -p "$(@D)/$${h%/*}"; : >"$(@D)/$$h"; \
	done; touch $@

unit-tests := $(patsubst tests/unit/%.c,build/unit/%,$(wildcard tests/unit/*.c))
fuzz-tests := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))

define unit-test
$(if $(call empty-headers,tests/unit/$(1).c),build/san/obj/tests/unit/$(1).o: HOST_CPPFLAGS += -idirafter build/empty
build/san/obj/tests/unit/$(1).o: | build/empty/made)
build/unit/$(1): build/san/obj/tests/unit/$(1).o \
		 $(call archives,san,$(call links,tests/unit/$(1).c))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$$(CC) $$(HOST_CFLAGS) $$(SAN_FLAGS) -o $$@ \
		$$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) \
		-Wl,--end-group -lcmocka $$(HOST_LIBS)
-include build/san/obj/tests/unit/$(1).d
endef
$(foreach t,$(unit-tests:build/unit/%=%),$(eval $(call unit-test,$(t))))

# Fuzz targets compile their rooms from source: libFuzzer wants its own
# instrumentation in them.
FUZZ_FLAGS = -fsanitize=fuzzer,address,undefined \
	     -fno-sanitize-recover=undefined
FUZZ_TIME ?= 60

fuzz-rooms = $(foreach r,$(call links,tests/fuzz/$(1).c),$(call room-sources,$(r)))

define fuzz-test
build/fuzz/$(1): tests/fuzz/$(1).c $(call fuzz-rooms,$(1)) $(bpf-headers)
	@mkdir -p $$(@D)
	@$$(CLANG) $$(HOST_CPPFLAGS) -MM -MT $$@ tests/fuzz/$(1).c \
		$(call fuzz-rooms,$(1)) >$$@.d
	$$(call say,FUZZCC,$$@)$$(CLANG) $$(HOST_CPPFLAGS) $$(HOST_CFLAGS) \
		$$(FUZZ_FLAGS) -o $$@ tests/fuzz/$(1).c \
		$(call fuzz-rooms,$(1)) $$(HOST_LIBS)
-include build/fuzz/$(1).d
endef
$(foreach t,$(fuzz-tests:build/fuzz/%=%),$(eval $(call fuzz-test,$(t))))

.PHONY: test-programs
test-programs: packages $(unit-tests) $(fuzz-tests)

.PHONY: unit
unit: packages
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) test-programs
	$(quiet)scripts/check --no-vm

.PHONY: vm-tests
vm-tests: setup
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) host modules daemons kselftest
	$(quiet)scripts/check --vm $(TESTS)

.PHONY: fuzz
fuzz: packages
	$(quiet)$(MAKE) --no-print-directory -j$(JOBS) $(fuzz-tests)
	$(quiet)for t in $(fuzz-tests); do \
		scripts/fuzz-one $$t $(FUZZ_TIME) || exit 1; done

# The kselftest target, static, for use inside the child.
.PHONY: kselftest
kselftest: packages
	$(quiet)scripts/unpack-source
	@mkdir -p build/kselftest
	$(quiet)$(MAKE) --no-print-directory -s -C tests/kselftest \
		KSFT=$(CURDIR)/build/linux-source/tools/testing/selftests \
		OUTPUT=$(CURDIR)/build/kselftest MAKEFLAGS= all
