# SPDX-License-Identifier: GPL-2.0-or-later
# GNU make. Targets: all check install uninstall asan fuzz bench lint lab clean.
# Variables: PREFIX DESTDIR V=1 BUILD CC CFLAGS.

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
UNITDIR ?= $(PREFIX)/lib/systemd/system
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
BUILD ?= build
CC ?= cc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

PKGS := json-c libzstd libxxhash smartcols libedit libelf
WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wformat=2 -Wundef
EMT_CFLAGS := -std=gnu11 $(WARN) -Ilib -I$(BUILD)/gen -D_GNU_SOURCE \
	$(shell $(PKG_CONFIG) --cflags $(PKGS))
HAVE_DW := $(shell $(PKG_CONFIG) --exists libdw && echo 1)
ifeq ($(HAVE_DW),1)
PKGS += libdw
EMT_CFLAGS += -DEMT_HAVE_LIBDW=1
endif
# Programs for the kernel: built where clang, bpftool and libbpf are; else emt says which is
# missing and does without. BPF=no leaves them out.
BPF ?= yes
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool /usr/local/sbin/bpftool) bpftool)
BPF_LACKS := $(if $(filter no,$(BPF)),BPF programs,$(strip \
	$(if $(shell command -v $(CLANG)),,clang) $(if $(shell command -v $(BPFTOOL)),,bpftool) \
	$(if $(shell $(PKG_CONFIG) --exists libbpf && echo 1),,libbpf)))
ifeq ($(BPF_LACKS),)
PKGS += libbpf
BPF_SKEL := $(patsubst bpf/%.bpf.c,$(BUILD)/gen/%.skel.h,$(sort $(wildcard bpf/*.bpf.c)))
EMT_CFLAGS += -DEMT_HAVE_BPF=1 -Ibpf
else
EMT_CFLAGS += -DEMT_NO_BPF='"$(BPF_LACKS)"'
endif
BPF_CFLAGS := -target bpf -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null)
DAEMON_PKGS := libevent_core libevent_extra libsystemd sqlite3
DAEMON_LIBS := $(shell $(PKG_CONFIG) --libs $(DAEMON_PKGS))
EMT_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)) -lm -lpthread

Q := $(if $(V),,@)
SAY = $(if $(V),@:,@printf '  %-7s %s\n' $(1) $(2))

LIB_SRC := $(sort $(wildcard lib/*/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
DAEMON_SRC := $(sort $(wildcard daemon/*.c))
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_HELP := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
LIBEMT := $(BUILD)/libemt.a
UNITS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(UNIT_SRC))
BENCH_BIN := $(BUILD)/tests/bench/bench

# Made from the tables of commands, records and rules: manual pages and JSON Schemas.
GENDOC := $(BUILD)/man/gendoc
MAN_PAGES := $(patsubst man/%.in,$(BUILD)/man/%,$(wildcard man/*.in)) \
	$(patsubst man/%,$(BUILD)/man/%,$(wildcard man/*.[1-8]))
SCHEMAS := $(BUILD)/schema/.done

all: $(BUILD)/emtctl $(BUILD)/emtd $(MAN_PAGES) $(SCHEMAS)

$(BUILD)/%.o: %.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EMT_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The query payload: code for Xen, not for this system; gcc alone makes it.
PAYLOAD := $(BUILD)/payload/emt-query.livepatch
PAYLOAD_SRC := $(sort $(wildcard lib/xen/query/*.c))
PAYLOAD_CFLAGS := -std=gnu11 -O2 $(WARN) -ffreestanding -fpie -fvisibility=hidden -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-jump-tables -fno-strict-aliasing \
	-fno-tree-loop-distribute-patterns -mindirect-branch=thunk-extern -mfunction-return=thunk-extern \
	-fcf-protection=branch -mmanual-endbr
PAYLOAD_OBJ := $(patsubst lib/xen/query/%.c,$(BUILD)/payload/%.o,$(PAYLOAD_SRC))

PAYLOAD_CC ?= gcc
$(BUILD)/payload/%.o: lib/xen/query/%.c
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(PAYLOAD_CC) $(PAYLOAD_CFLAGS) -MMD -MP -c -o $@ $<

$(PAYLOAD): $(PAYLOAD_OBJ)
	$(call SAY,LD,$@)
	$(Q)$(PAYLOAD_CC) -r -nostdlib -Wl,--build-id=sha1 -o $@ $^

$(BUILD)/lib/xen/query_payload.o: EMT_CFLAGS += -DEMT_PAYLOAD='"$(PAYLOAD)"'
$(BUILD)/lib/xen/query_payload.o: $(PAYLOAD)

# Skeletons are headers: whoever includes one finds it in $(BUILD)/gen.
$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	$(call SAY,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c -o $@ $<

$(BUILD)/gen/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call SAY,GEN,$@)
	@mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $* >$@.all && sed "s|return err;|& /* NOLINT */|" $@.all >$@

$(call obj,$(LIB_SRC)): | $(BPF_SKEL)

$(LIBEMT): $(call obj,$(LIB_SRC))
	$(call SAY,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/emtctl: $(call obj,$(CLI_SRC)) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS)

# where emtd finds the program that answers, unless it is told
$(BUILD)/daemon/config.o: EMT_CFLAGS += -DEMT_BINDIR='"$(BINDIR)"'

$(BUILD)/emtd: $(call obj,$(DAEMON_SRC)) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS) $(DAEMON_LIBS)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(call obj,$(UNIT_HELP)) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS) -lcmocka

# The query payload's walk on this machine, built as for the hypervisor, over memory of the tests' own.
QUERY_HOST := $(BUILD)/tests/tools/query_host.o $(BUILD)/tests/tools/query_walk.o
$(BUILD)/tests/tools/query_host.o: EMT_CFLAGS += -Itests/tools
$(BUILD)/tests/tools/query_walk.o: lib/xen/query/walk.c tests/tools/query_hosted.h
	$(call SAY,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(PAYLOAD_CC) $(PAYLOAD_CFLAGS) -include tests/tools/query_hosted.h -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/test_query_walk.o: EMT_CFLAGS += -Itests
$(BUILD)/tests/unit/test_query_walk: $(BUILD)/tests/unit/test_query_walk.o $(QUERY_HOST) $(call obj,$(UNIT_HELP)) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS) -lcmocka

# parts of the daemon that stand alone
HISTORY_OBJ := $(call obj,daemon/history.c daemon/history_query.c daemon/log.c)
$(BUILD)/tests/unit/test_history: $(BUILD)/tests/unit/test_history.o $(HISTORY_OBJ) $(call obj,$(UNIT_HELP)) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS) $(shell $(PKG_CONFIG) --libs sqlite3) -lcmocka

$(BUILD)/tests/bench/bench_query_code.o: EMT_CFLAGS += -Itests
$(BENCH_BIN): $(call obj,$(BENCH_SRC)) $(QUERY_HOST) $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS) -lpthread

# The unit tests' hypervisor in the shape of a library, for the programs' tests.
FAKEXEN := $(BUILD)/tests/tools/libxencall.so.1
$(FAKEXEN): tests/tools/fakexen.c tests/unit/fake_xen.c tests/unit/fake_query.c tests/unit/fake_xen.h lib/xen/calls.c
	$(call SAY,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EMT_CFLAGS) -O1 -g -fPIC -shared -Wl,-soname,$(@F) -o $@ $(filter %.c,$^) -ldl

# A C library and a toolstack on it, for the observer's tests.
FAKEPRIVCMD := $(BUILD)/tests/tools/libfakeprivcmd.so $(BUILD)/tests/tools/toolstack
$(BUILD)/tests/tools/libfakeprivcmd.so: tests/tools/fakeprivcmd.c
	$(call SAY,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EMT_CFLAGS) -O1 -g -fPIC -fno-builtin -shared -Wl,-soname,$(@F) -o $@ $<

$(BUILD)/tests/tools/toolstack: tests/tools/toolstack.c $(BUILD)/tests/tools/libfakeprivcmd.so
	$(call SAY,LD,$@)
	$(Q)$(CC) $(EMT_CFLAGS) -O1 -g -o $@ $< -L$(@D) -lfakeprivcmd -Wl,-rpath,'$$ORIGIN'

$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS)

$(GENDOC): $(BUILD)/man/gendoc.o $(LIBEMT)
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(EMT_LIBS)

$(BUILD)/man/%: man/%.in $(GENDOC)
	$(call SAY,GEN,$@)
	$(Q)$(GENDOC) man $< $@

$(BUILD)/man/%: man/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(SCHEMAS): $(GENDOC)
	$(call SAY,GEN,$(@D))
	@rm -rf $(@D) && mkdir -p $(@D)
	$(Q)$(GENDOC) schemas $(@D)
	@touch $@

# Test data from recordings: make captures ORIGINALS=DIR (they are in git already).
captures: all $(BUILD)/tests/tools/raw2emt
	$(Q)tests/tools/make-captures $(ORIGINALS) $(BUILD)

units: $(UNITS) $(FAKEXEN) $(BUILD)/tests/tools/kvm2emt $(BUILD)/tests/tools/guest2emt $(BUILD)/tests/tools/pvimage $(BUILD)/tests/tools/kvmguest $(BENCH_BIN) $(FAKEPRIVCMD)

# cmocka for lib/, then bats for the programs; see tests/run.
check: all units
	$(Q)BUILD=$(BUILD) tests/run

asan:
	$(Q)$(MAKE) BUILD=build-asan CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all" check

# Each target runs FUZZ_SECONDS (default 20).
fuzz:
	$(Q)tests/fuzz/run

bench: all $(BENCH_BIN) $(FAKEXEN) $(FAKEPRIVCMD)
	$(Q)$(BENCH_BIN) $(BENCH)

lint:
	$(Q)tests/lint

lab:
	$(Q)tests/lab/run

BASHCOMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHCOMPDIR ?= $(DATADIR)/zsh/site-functions
FISHCOMPDIR ?= $(DATADIR)/fish/vendor_completions.d

install: all
	install -D -m 755 $(BUILD)/emtctl $(DESTDIR)$(BINDIR)/emtctl
	install -D -m 755 $(BUILD)/emtd $(DESTDIR)$(SBINDIR)/emtd
	$(Q)for u in emtd.service emtd.socket emt-events.service; do \
		sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@BINDIR@|$(BINDIR)|' daemon/$$u >$(BUILD)/$$u; \
		install -D -m 644 $(BUILD)/$$u $(DESTDIR)$(UNITDIR)/$$u; done
	$(Q)sed 's|/usr/local/bin|$(BINDIR)|' daemon/emtd.conf >$(BUILD)/emtd.conf
	install -D -m 644 $(BUILD)/emtd.conf $(DESTDIR)$(DATADIR)/emt/emtd.conf
	$(Q)for m in $(MAN_PAGES); do \
		install -D -m 644 "$$m" "$(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}"; done
	$(Q)for f in $(BUILD)/schema/*.json; do \
		install -D -m 644 "$$f" "$(DESTDIR)$(DATADIR)/emt/schema/$${f##*/}"; done
	$(Q)for f in cli/scripts/*.emt; do \
		install -D -m 755 "$$f" "$(DESTDIR)$(DATADIR)/emt/scripts/$${f##*/}"; done
	$(Q)for f in daemon/monitoring/*; do \
		install -D -m 644 "$$f" "$(DESTDIR)$(DATADIR)/emt/monitoring/$${f##*/}"; done
	install -D -m 644 completions/emtctl.bash $(DESTDIR)$(BASHCOMPDIR)/emtctl
	install -D -m 644 completions/_emtctl $(DESTDIR)$(ZSHCOMPDIR)/_emtctl
	install -D -m 644 completions/emtctl.fish $(DESTDIR)$(FISHCOMPDIR)/emtctl.fish

uninstall:
	rm -f $(DESTDIR)$(SBINDIR)/emtd $(DESTDIR)$(UNITDIR)/emtd.service $(DESTDIR)$(UNITDIR)/emtd.socket \
		$(DESTDIR)$(UNITDIR)/emt-events.service
	rm -f $(DESTDIR)$(BINDIR)/emtctl $(DESTDIR)$(BASHCOMPDIR)/emtctl $(DESTDIR)$(ZSHCOMPDIR)/_emtctl \
		$(DESTDIR)$(FISHCOMPDIR)/emtctl.fish
	$(Q)for m in $(notdir $(MAN_PAGES)); do rm -f "$(DESTDIR)$(MANDIR)/man$${m##*.}/$$m"; done
	rm -rf $(DESTDIR)$(DATADIR)/emt

clean:
	rm -rf build build-asan build-fuzz

PHONY_EXTRA := captures
.PHONY: $(PHONY_EXTRA) all units check asan fuzz bench lint lab install uninstall clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(PAYLOAD_OBJ:.o=.d) $(QUERY_HOST:.o=.d) $(patsubst %.o,%.d,$(call obj,$(LIB_SRC) $(CLI_SRC) $(DAEMON_SRC) $(UNIT_SRC) $(UNIT_HELP) $(BENCH_SRC) man/gendoc.c)) $(wildcard $(BUILD)/tests/tools/*.d)
