/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared by the readers of the console's several texts. Each reader looks at every
 * line (con_*_line, which returns 1 if the line was its own, 0 if not, or a negative
 * emt_errcode) and ends what it has open when another text begins (con_*_close).
 */
#ifndef EMT_CONSOLE_INTERNAL_H
#define EMT_CONSOLE_INTERNAL_H

#include "console/console.h"

#define CON_NO_DOMAIN UINT32_MAX

/* One message: a line, or the part of it up to another message. */
struct con_line {
	const char *s;     /* without prefix, timestamp and line end; ends in NUL */
	unsigned long no;  /* line number, 1 = first */
	bool xen;          /* carried the hypervisor's prefix */
	bool cut;          /* its end is missing: too long, or another message follows */
	bool open;         /* the text ends here without a line end */
};

/* Texts that exclude each other: a heading of one ends the one before. */
enum con_section { CON_NONE, CON_KEY_D, CON_KEY_O, CON_KEY_Q, CON_PCI, CON_KEY_V, CON_BOOT, CON_HVMCTX };

enum con_vendor { CON_VENDOR_UNKNOWN, CON_VENDOR_VMX, CON_VENDOR_SVM };

struct con_key_d {
	bool open;
	bool cut_head;        /* began without a heading */
	bool blank_lost;      /* trailing blanks are lost in this text */
	uint64_t first, next; /* first gfn; gfn behind the last entry */
	uint64_t entries;
	unsigned long line;   /* of the last line used */
};

struct con_key_o {
	bool open, begun;     /* heading seen; iommu_begin called */
	bool amd, amd_known;
	uint32_t domid;
	unsigned int levels;  /* 0 = not known */
	uint64_t next;
	unsigned long line, last, bad;
};

enum con_q_phase { CON_Q_GENERAL, CON_Q_RANGES, CON_Q_PAGES, CON_Q_REST };

struct con_key_q {
	bool open;
	bool headed;          /* began with its heading */
	uint32_t domid;
	enum con_q_phase phase;
	bool iomem, ioport, special;             /* list begun */
	bool iomem_bad, ioport_bad, special_bad; /* ... and something of it is missing */
	bool paging;          /* paging mode told */
	bool xenheap_known;
	uint64_t xenheap, xenpages;              /* as counted by Xen; lines seen */
	uint32_t vcpus;       /* lines of vCPUs seen */
	unsigned long line;
};

struct con_pci {
	bool open, headed, bad;
	struct { uint32_t domid, count; } *v; /* owned */
	size_t n, room;
	unsigned long line;
};

struct con_key_v {
	bool open;
	bool domain, vcpu_known, guest; /* in a domain; in a vCPU; in its guest state */
	bool svm;
	uint32_t domid, vcpu;
	bool cr0_known, eptp_told;
	uint64_t cr0;
};

struct con_boot {
	bool e820, e820_initial;  /* in a memory map; in the one before clean-up */
	unsigned long line;
	bool mtrr;                /* in the MTRR block */
	enum { CON_MTRR_NONE, CON_MTRR_FIXED, CON_MTRR_VAR } part;
	struct emt_mtrr m;
	uint32_t fixed_next;      /* address up to which the fixed ranges are told */
	uint32_t others;          /* other lines since the last one of the block */
	unsigned long mtrr_line;
};

struct con_hvmctx {
	bool open, domain;        /* in a save record; its domain is known */
	bool mtrr;                /* in an MTRR record */
	uint32_t domid, instance;
	struct emt_mtrr m;
	uint64_t pat;
	unsigned int fixed;       /* bit mask of fixed registers seen */
	unsigned long line;
};

struct emt_console {
	struct emt_console_ops ops;
	void *arg;
	int failed;               /* error returned before; sticks */
	unsigned long lines, used; /* begun; of them told something */
	bool told, wasted;        /* the line at hand told something; could not be used */
	enum con_section section;
	enum con_vendor vendor;
	const char *origin;       /* of the event being told */
	struct con_key_d d;
	struct con_key_o o;
	struct con_key_q q;
	struct con_pci pci;
	struct con_key_v v;
	struct con_boot boot;
	struct con_hvmctx hvmctx;
	size_t len;               /* bytes in 'buf' */
	bool too_long;            /* dropping the rest of a long line */
	char buf[EMT_CONSOLE_LINE_MAX + 1];
};

/* Begin another text: close what is open unless it is the same. */
int con_enter(struct emt_console *c, enum con_section section);

int con_key_d_line(struct emt_console *c, const struct con_line *l);
int con_key_d_close(struct emt_console *c, bool cut_tail);
/* A guest's line: it cannot hold an entry, but may have swallowed one. */
int con_key_d_guest(struct emt_console *c, const struct con_line *l);
int con_key_o_line(struct emt_console *c, const struct con_line *l);
int con_key_o_close(struct emt_console *c);
int con_key_q_line(struct emt_console *c, const struct con_line *l);
int con_key_q_close(struct emt_console *c);
int con_pci_line(struct emt_console *c, const struct con_line *l);
int con_pci_close(struct emt_console *c);
int con_key_v_line(struct emt_console *c, const struct con_line *l);
void con_key_v_close(struct emt_console *c);
int con_boot_line(struct emt_console *c, const struct con_line *l);
int con_boot_close(struct emt_console *c);
int con_boot_mtrr_line(struct emt_console *c, const struct con_line *l);
int con_boot_mtrr_close(struct emt_console *c);
int con_hvmctx_line(struct emt_console *c, const struct con_line *l);
int con_hvmctx_close(struct emt_console *c);
int con_xlinfo_line(struct emt_console *c, const struct con_line *l);

/* ---- scanning; each moves *p behind what it took and leaves it where it was when
 * it returns false ---- */
void con_blanks(const char **p);
bool con_lit(const char **p, const char *text);
/* 1..16 digits, no prefix. Decimal: up to 19 digits. */
bool con_hex(const char **p, uint64_t *v);
bool con_dec(const char **p, uint64_t *v);
/* The same with an optional 0x. */
bool con_hex0x(const char **p, uint64_t *v);
bool con_u32(const char **p, uint32_t *v);
bool con_blank_to_end(const char *p);

/* ---- telling ---- */
int con_note(struct emt_console *c, enum emt_note_level level, unsigned long line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int con_fact(struct emt_console *c, enum emt_fact_id id, uint32_t domid, uint64_t first, uint64_t last,
	     uint32_t tag, unsigned long line);
int con_fact_text(struct emt_console *c, enum emt_fact_id id, uint32_t domid, const char *text,
		  unsigned long line);
int con_list_begin(struct emt_console *c, enum emt_fact_id id, uint32_t domid, unsigned long line);
int con_list_whole(struct emt_console *c, enum emt_fact_id id, uint32_t domid, unsigned long line);
int con_mtrr(struct emt_console *c, enum emt_fact_id id, uint32_t domid, uint32_t vcpu,
	     const struct emt_mtrr *m, unsigned long line);
int con_about(struct emt_console *c, enum emt_console_about what, uint32_t domid, uint64_t value,
	      const char *text, unsigned long line);

#endif
