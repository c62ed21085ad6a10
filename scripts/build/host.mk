# SPDX-License-Identifier: GPL-2.0
# The root partition's programs: one archive per room under host/.
#
# Everything is built in two variants: "host" for use, and "san" with the
# address and undefined-behaviour sanitisers for the unit tests.

CC = gcc
HOST_CPPFLAGS = -D_GNU_SOURCE -Ihost -Iinclude -Ibuild/bpf
HOST_CFLAGS = -std=gnu11 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
	      -fno-strict-aliasing -fno-common -pthread $(CFLAGS)
HOST_LIBS = -Wl,--as-needed -luring -lsystemd -ljson-c -lbpf -pthread
SAN_FLAGS = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	    -fno-omit-frame-pointer

# A room's sources; backend keeps one folder for each kind of back end.
rooms := util mem vm hv chipset vmbus vsp backend vmwp hvctl
room-sources = $(filter-out host/$(1)/main.c %.bpf.c,\
		 $(sort $(wildcard host/$(1)/*.c host/$(1)/*/*.c)))
present-rooms := $(foreach r,$(rooms),$(if $(call room-sources,$(r)),$(r)))

# Programs for the kernel, each as a header that includes all of it.
CLANG = clang
BPF_FLAGS = -target bpf -O2 -g -Wall -Werror -Ihost \
	    -I/usr/include/$(shell $(CC) -print-multiarch)
bpf-headers := $(patsubst %.bpf.c,build/bpf/%.skel.h,\
		 $(notdir $(wildcard host/*/*/*.bpf.c)))

define bpf-program
build/bpf/$(basename $(notdir $(1:.c=))).skel.h: $(1)
	@mkdir -p $$(@D)
	$$(call say,BPF,$(1))$$(CLANG) $$(BPF_FLAGS) -MMD -MP -MT $$@ \
		-MF $$(@:.skel.h=.d) -c -o $$(@:.skel.h=.o) $(1)
	$$(quiet)PATH=$$$$PATH:/usr/sbin bpftool gen skeleton $$(@:.skel.h=.o) \
		name $(basename $(notdir $(1:.c=))) >$$@
endef
$(foreach p,$(wildcard host/*/*/*.bpf.c),$(eval $(call bpf-program,$(p))))
-include $(bpf-headers:.skel.h=.d)

flags-host =
flags-san = $(SAN_FLAGS)

define variant
build/$(1)/obj/%.o: %.c | $(bpf-headers)
	@mkdir -p $$(@D)
	$$(call say,CC,$$<$(if $(filter san,$(1)), (sanitised)))$$(CC) $$(HOST_CPPFLAGS) \
		$$(HOST_CFLAGS) $$(flags-$(1)) -MMD -MP -c -o $$@ $$<
endef

# An archive is made anew: no object of a source that is gone stays in it.
define archive
build/$(1)/lib$(2).a: $(patsubst %.c,build/$(1)/obj/%.o,$(call room-sources,$(2)))
	$$(call say,AR,$$@)rm -f $$@; ar rcs $$@ $$^
-include $(patsubst %.c,build/$(1)/obj/%.d,$(call room-sources,$(2)))
endef

$(foreach v,host san,$(eval $(call variant,$(v))))
$(foreach v,host san,$(foreach r,$(present-rooms),$(eval $(call archive,$(v),$(r)))))

# Archives, in the order in which each may use those after it.
link-order := vmwp hvctl vsp vmbus hv chipset backend vm mem util
archives = $(foreach r,$(filter $(2),$(filter $(present-rooms),$(link-order))),build/$(1)/lib$(r).a)

host-programs :=
ifneq ($(wildcard host/vmwp/main.c),)
host-programs += build/host/vmwp
endif
ifneq ($(wildcard host/hvctl/main.c),)
host-programs += build/host/hvctl
endif

build/host/vmwp: build/host/obj/host/vmwp/main.o \
		 $(call archives,host,$(filter-out hvctl,$(rooms)))
build/host/hvctl: build/host/obj/host/hvctl/main.o \
		  $(call archives,host,hvctl util)
build/host/vmwp build/host/hvctl:
	$(call say,LD,$@)$(CC) $(HOST_CFLAGS) -o $@ $(filter %.o,$^) \
		-Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(HOST_LIBS)
-include build/host/obj/host/vmwp/main.d build/host/obj/host/hvctl/main.d

.PHONY: host host-files
host: packages
	$(quiet)$(MAKE) --no-print-directory host-files
host-files: $(host-programs) $(call archives,host,$(rooms))
