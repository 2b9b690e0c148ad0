/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "output/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/format.h"
#include "output/lexer.h"

#define MAX_DEPTH 100
#define MAX_NODES 4096

enum class { CLASS_NUMBER, CLASS_BOOL, CLASS_STRING, CLASS_TIME, CLASS_OTHER };

/* A column or a literal. */
struct operand {
	bool is_column;
	unsigned int col;
	enum class class;
	bool list;         /* a column of strings */
	bool real;         /* a literal with a fraction */
	uint64_t u;        /* number, bool or time */
	long double r;
	char *s;           /* owned */
	size_t at;         /* byte in the text, for errors */
};

enum node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_COMPARE, NODE_TRUTH };

struct node {
	enum node_kind kind;
	enum emt_tok op;          /* NODE_COMPARE */
	unsigned int left, right; /* nodes; NOT uses left */
	struct operand a, b;
	regex_t re;
	bool has_re;
};

struct emt_filter {
	const struct emt_record_kind *kind;
	struct node *nodes;
	unsigned int nr, room, root;
};

struct parser {
	struct emt_lexer lex;
	struct emt_filter *f;
	unsigned int depth;
};

static int parse_or(struct parser *p, unsigned int *out);

static int new_node(struct parser *p, enum node_kind kind, unsigned int *out)
{
	struct emt_filter *f = p->f;

	if (f->nr >= MAX_NODES)
		return emt_lexer_fail(&p->lex, p->lex.start, NULL, "the expression is too long");
	if (f->nr == f->room) {
		unsigned int room = f->room ? f->room * 2 : 16;
		struct node *v = realloc(f->nodes, room * sizeof(*v));

		if (!v)
			return emt_err_set(p->lex.err, EMT_E_NOMEM, p->lex.subject, NULL,
					   "not enough memory");
		f->nodes = v;
		f->room = room;
	}
	f->nodes[f->nr] = (struct node){ .kind = kind };
	*out = f->nr++;
	return 0;
}

static enum class class_of(const struct emt_column *c)
{
	switch (c->type) {
	case EMT_COL_BOOL: return CLASS_BOOL;
	case EMT_COL_NUMBER: case EMT_COL_BYTES: case EMT_COL_FRAME: case EMT_COL_HEX: return CLASS_NUMBER;
	case EMT_COL_STRING: case EMT_COL_STRINGS: return CLASS_STRING;
	case EMT_COL_TIME: return CLASS_TIME;
	default: return CLASS_OTHER;
	}
}

static bool known_word(const struct emt_column *c, const char *s)
{
	for (unsigned int i = 0; i < c->nr_words; i++)
		if (!strcmp(c->word(i), s))
			return true;
	return false;
}

static int no_column(struct parser *p, const char *name)
{
	const struct emt_record_kind *k = p->f->kind;
	char next[200] = "columns: ";
	size_t at = strlen(next);
	uint64_t hex;

	for (unsigned int i = 0; i < k->nr_columns; i++)
		if (known_word(&k->columns[i], name)) {
			snprintf(next, sizeof(next), "text stands in quotes: %s == \"%s\"",
				 k->columns[i].name, name);
			return emt_lexer_fail(&p->lex, p->lex.start, next, "\"%.60s\" is no column", name);
		}
	if (!emt_parse_hex(name, &hex)) {
		snprintf(next, sizeof(next), "hex numbers start with 0x: 0x%llx", (unsigned long long)hex);
		return emt_lexer_fail(&p->lex, p->lex.start, next, "\"%.60s\" is no column", name);
	}
	for (unsigned int i = 0; i < k->nr_columns; i++) {
		const char *n = k->columns[i].name;

		if (at + strlen(n) + 8 > sizeof(next)) {
			snprintf(next + at, sizeof(next) - at, " ...");
			break;
		}
		at += (size_t)snprintf(next + at, sizeof(next) - at, "%s%s", i ? " " : "", n);
	}
	return emt_lexer_fail(&p->lex, p->lex.start, next, "\"%.60s\" is no column", name);
}

static int parse_operand(struct parser *p, struct operand *o)
{
	struct emt_lexer *l = &p->lex;
	int col;

	memset(o, 0, sizeof(*o));
	o->at = l->start;
	switch (l->tok) {
	case EMT_TOK_NUMBER:
		o->class = CLASS_NUMBER;
		o->u = l->number;
		break;
	case EMT_TOK_FLOAT:
		o->class = CLASS_NUMBER;
		o->real = true;
		o->r = l->real;
		break;
	case EMT_TOK_TRUE:
	case EMT_TOK_FALSE:
		o->class = CLASS_BOOL;
		o->u = l->tok == EMT_TOK_TRUE;
		break;
	case EMT_TOK_STRING:
		o->class = CLASS_STRING;
		o->s = strdup(l->word);
		if (!o->s)
			return emt_err_set(l->err, EMT_E_NOMEM, l->subject, NULL, "not enough memory");
		break;
	case EMT_TOK_NAME:
		col = emt_kind_column(p->f->kind, l->word);
		if (col < 0)
			return no_column(p, l->word);
		o->is_column = true;
		o->col = (unsigned int)col;
		o->class = class_of(&p->f->kind->columns[col]);
		o->list = p->f->kind->columns[col].type == EMT_COL_STRINGS;
		break;
	case EMT_TOK_END:
		return emt_lexer_fail(l, l->start, "give a column, a number or \"text\"",
				      "the expression ends too early");
	default:
		return emt_lexer_fail(l, l->start, "give a column, a number or \"text\"",
				      "a value is expected here");
	}
	return emt_lexer_next(l);
}

/* Turn a literal into what the column on the other side holds. */
static int adapt(struct parser *p, struct operand *lit, const struct operand *col)
{
	const struct emt_column *c = &p->f->kind->columns[col->col];
	char next[200];
	int64_t t;

	if (lit->class == col->class) {
		if (c->nr_words && lit->class == CLASS_STRING && lit->s && !known_word(c, lit->s)) {
			size_t at = (size_t)snprintf(next, sizeof(next), "%s has: ", c->name);

			for (unsigned int i = 0;
			     i < c->nr_words && at + strlen(c->word(i)) + 8 < sizeof(next); i++)
				at += (size_t)snprintf(next + at, sizeof(next) - at, "%s%s", i ? " " : "",
						       c->word(i));
			return emt_lexer_fail(&p->lex, lit->at, next, "%s is never \"%.60s\"", c->name,
					      lit->s);
		}
		return 0;
	}
	if (col->class == CLASS_NUMBER && lit->class == CLASS_STRING && !emt_parse_u64(lit->s, &lit->u)) {
		lit->class = CLASS_NUMBER;
		return 0;
	}
	if (col->class == CLASS_BOOL && lit->class == CLASS_NUMBER && !lit->real && lit->u <= 1) {
		lit->class = CLASS_BOOL;
		return 0;
	}
	if (col->class == CLASS_TIME && lit->class == CLASS_STRING && !emt_parse_time(lit->s, &t)) {
		lit->u = (uint64_t)t;
		lit->class = CLASS_TIME;
		return 0;
	}
	if (col->class == CLASS_TIME && lit->class == CLASS_NUMBER && !lit->real) {
		lit->class = CLASS_TIME;
		return 0;
	}
	return emt_lexer_fail(&p->lex, lit->at,
			      col->class == CLASS_NUMBER ? "compare it with a number" :
			      col->class == CLASS_BOOL ? "compare it with true or false" :
			      col->class == CLASS_STRING ? "compare it with \"text\"" :
			      "compare it with \"2026-01-03T10:00:00Z\"",
			      "column %s cannot be compared with this", c->name);
}

#define MAX_PATTERN 2000 /* atoms after expansion */
#define MAX_GROUPS 50

/* Largest count of the repetition that starts at the '{' of *s; *s ends on its last character. */
static unsigned long repetition(const char **s)
{
	unsigned long n = 1;
	const char *d = *s + 1;

	while (*d && *d != '}') {
		if (*d >= '0' && *d <= '9') {
			char *end;
			unsigned long v = strtoul(d, &end, 10);

			n = v > n ? v : n;
			d = end;
		} else {
			d++;
		}
	}
	*s = *d ? d : d - 1;
	return n < MAX_PATTERN ? n : MAX_PATTERN + 1;
}

/* The last character of the bracket expression at 's', with [:classes:] in it. */
static const char *bracket_end(const char *s)
{
	s += s[1] == '^';
	s += s[1] == ']';
	while (s[1] && s[1] != ']') {
		char kind = s[2];

		s++;
		if (*s != '[' || !strchr(":.=", kind) || !kind)
			continue;
		for (s++; s[1] && !(s[1] == kind && s[2] == ']');)
			s++;
		s += s[1] ? 2 : 0;
	}
	return s + (s[1] == ']');
}

/* The C library writes x{n} out n times and x+ as xx*: nested ones would take all
 * memory there is. Counts the atoms as it does, and stops above what is reasonable. An
 * anchor that is repeated takes it time without end, and means nothing. */
static bool expands_too_far(const char *re)
{
	struct {
		unsigned long sum, last; /* atoms before the last piece, and in it */
		bool anchor, last_anchor; /* there is one in the group, in its last piece */
	} group[MAX_GROUPS] = { 0 };
	unsigned int depth = 0;

	for (const char *s = re; *s; s++) {
		unsigned long *last = &group[depth].last;

		switch (*s) {
		case '(':
			if (++depth == MAX_GROUPS)
				return true;
			memset(&group[depth], 0, sizeof(group[depth]));
			continue;
		case ')':
			if (!depth)
				continue;
			depth--;
			group[depth].sum += group[depth].last;
			group[depth].last = group[depth + 1].sum + *last + 1;
			last = &group[depth].last;
			group[depth].last_anchor = group[depth + 1].anchor;
			group[depth].anchor |= group[depth].last_anchor;
			break;
		case '+':
			*last *= 2;
			break;
		case '{':
			*last *= repetition(&s);
			break;
		case '*':
		case '?':
			*last += 1;
			break;
		case '[':
			s = bracket_end(s);
			group[depth].last_anchor = false;
			group[depth].sum += *last;
			*last = 1;
			break;
		default:
			group[depth].last_anchor = *s == '^' || *s == '$';
			if (*s == '\\' && s[1])
				group[depth].last_anchor = strchr("<>bB`'", *++s) != NULL;
			group[depth].anchor |= group[depth].last_anchor;
			group[depth].sum += *last;
			*last = 1;
		}
		if (group[depth].last_anchor && s[1] && strchr("+*?{", s[1]))
			return true;
		if (group[depth].sum + *last > MAX_PATTERN)
			return true;
	}
	return false;
}

static int check_compare(struct parser *p, struct node *n, size_t op_at)
{
	bool pattern = n->op == EMT_TOK_RE || n->op == EMT_TOK_NRE;
	int rc = 0;

	if ((n->a.is_column && n->a.class == CLASS_OTHER) || (n->b.is_column && n->b.class == CLASS_OTHER))
		return emt_lexer_fail(&p->lex, n->a.class == CLASS_OTHER ? n->a.at : n->b.at,
				      "alone it asks whether there is any",
				      "this column is a list of records");
	if (pattern) {
		int bad;

		if (n->b.is_column || n->b.class != CLASS_STRING)
			return emt_lexer_fail(&p->lex, n->b.at, NULL, "a pattern in quotes is expected here");
		if (n->a.class != CLASS_STRING)
			return emt_lexer_fail(&p->lex, n->a.at, NULL,
					      "only text can be matched with a pattern");
		if (expands_too_far(n->b.s))
			return emt_lexer_fail(&p->lex, n->b.at, NULL, "the pattern is too large");
		bad = regcomp(&n->re, n->b.s, REG_EXTENDED | REG_NOSUB);
		if (bad) {
			char why[120];

			regerror(bad, &n->re, why, sizeof(why));
			return emt_lexer_fail(&p->lex, n->b.at, NULL, "bad pattern: %s", why);
		}
		n->has_re = true;
		return 0;
	}
	if (n->a.is_column && !n->b.is_column)
		rc = adapt(p, &n->b, &n->a);
	else if (!n->a.is_column && n->b.is_column)
		rc = adapt(p, &n->a, &n->b);
	else if (n->a.class != n->b.class)
		rc = emt_lexer_fail(&p->lex, n->b.at, NULL, "the two sides are of different types");
	if (rc)
		return rc;
	if (n->b.list && n->a.list)
		return emt_lexer_fail(&p->lex, n->b.at, NULL, "two lists cannot be compared");
	if (n->op != EMT_TOK_EQ && n->op != EMT_TOK_NE &&
	    (n->a.class == CLASS_BOOL || n->a.list || n->b.list))
		return emt_lexer_fail(&p->lex, op_at, "use == or !=", "there is no order among these");
	return 0;
}

static int parse_compare(struct parser *p, unsigned int *out)
{
	struct operand a, b = { 0 };
	struct node *n;
	int rc;

	rc = parse_operand(p, &a);
	if (!rc)
		rc = new_node(p, NODE_TRUTH, out);
	if (rc) {
		free(a.s);
		return rc;
	}
	n = &p->f->nodes[*out];
	n->a = a;
	if (EMT_TOK_IS_COMPARISON(p->lex.tok)) {
		size_t op_at = p->lex.start;

		n->kind = NODE_COMPARE;
		n->op = p->lex.tok;
		rc = emt_lexer_next(&p->lex);
		if (!rc)
			rc = parse_operand(p, &b);
		n->b = b;
		return rc ? rc : check_compare(p, n, op_at);
	}
	return 0;
}

static int parse_unary(struct parser *p, unsigned int *out)
{
	unsigned int inner = 0;
	int rc;

	if (p->depth >= MAX_DEPTH)
		return emt_lexer_fail(&p->lex, p->lex.start, NULL, "too many levels of parentheses");
	if (p->lex.tok == EMT_TOK_NOT) {
		p->depth++;
		rc = emt_lexer_next(&p->lex);
		if (!rc)
			rc = parse_unary(p, &inner);
		p->depth--;
		if (!rc)
			rc = new_node(p, NODE_NOT, out);
		if (!rc)
			p->f->nodes[*out].left = inner;
		return rc;
	}
	if (p->lex.tok == EMT_TOK_OPEN) {
		size_t open = p->lex.start;

		p->depth++;
		rc = emt_lexer_next(&p->lex);
		if (!rc)
			rc = parse_or(p, out);
		p->depth--;
		if (rc)
			return rc;
		if (p->lex.tok != EMT_TOK_CLOSE)
			return p->lex.tok == EMT_TOK_END ?
				emt_lexer_fail(&p->lex, open, NULL, "no closing ) for this") :
				emt_lexer_fail(&p->lex, p->lex.start, NULL, "&&, || or ) is expected here");
		return emt_lexer_next(&p->lex);
	}
	return parse_compare(p, out);
}

static int parse_chain(struct parser *p, unsigned int *out, enum emt_tok op, enum node_kind kind,
		       int (*part)(struct parser *, unsigned int *))
{
	int rc;

	*out = 0;
	rc = part(p, out);

	while (!rc && p->lex.tok == op) {
		unsigned int right = 0, both = 0;

		rc = emt_lexer_next(&p->lex);
		if (!rc)
			rc = part(p, &right);
		if (!rc)
			rc = new_node(p, kind, &both);
		if (!rc) {
			p->f->nodes[both].left = *out;
			p->f->nodes[both].right = right;
			*out = both;
		}
	}
	return rc;
}

static int parse_and(struct parser *p, unsigned int *out)
{
	return parse_chain(p, out, EMT_TOK_AND, NODE_AND, parse_unary);
}

static int parse_or(struct parser *p, unsigned int *out)
{
	return parse_chain(p, out, EMT_TOK_OR, NODE_OR, parse_and);
}

int emt_filter_new(struct emt_filter **out, const struct emt_record_kind *kind, const char *text,
		   const char *subject, struct emt_err *err)
{
	struct parser p = { .lex = { .text = text, .subject = subject, .err = err } };
	int rc;

	*out = NULL;
	p.f = calloc(1, sizeof(*p.f));
	p.lex.word = malloc(strlen(text) + 1);
	if (!p.f || !p.lex.word) {
		free(p.f);
		free(p.lex.word);
		return emt_err_set(err, EMT_E_NOMEM, subject, NULL, "not enough memory");
	}
	p.f->kind = kind;
	rc = emt_lexer_next(&p.lex);
	if (!rc)
		rc = parse_or(&p, &p.f->root);
	if (!rc && p.lex.tok != EMT_TOK_END)
		rc = emt_lexer_fail(&p.lex, p.lex.start, "join conditions with && or ||",
				    "a comparison, && or || is expected here");
	free(p.lex.word);
	if (rc) {
		emt_filter_free(p.f);
		return rc;
	}
	*out = p.f;
	return 0;
}

void emt_filter_free(struct emt_filter *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < f->nr; i++) {
		free(f->nodes[i].a.s);
		free(f->nodes[i].b.s);
		if (f->nodes[i].has_re)
			regfree(&f->nodes[i].re);
	}
	free(f->nodes);
	free(f);
}

/* ---- evaluation ---- */

static bool by_sign(enum emt_tok op, int d)
{
	switch (op) {
	case EMT_TOK_EQ: return d == 0;
	case EMT_TOK_NE: return d != 0;
	case EMT_TOK_LT: return d < 0;
	case EMT_TOK_LE: return d <= 0;
	case EMT_TOK_GT: return d > 0;
	default: return d >= 0;
	}
}

static bool one_string(const struct node *n, const char *a, const char *b)
{
	if (n->has_re)
		return (regexec(&n->re, a, 0, NULL, 0) == 0) == (n->op == EMT_TOK_RE);
	return by_sign(n->op, strcmp(a, b));
}

/* A list against a word: any for == and =~, none for != and !~. */
static bool list_string(const struct node *n, const struct emt_rec *rec, unsigned int col, const char *word)
{
	bool negative = n->op == EMT_TOK_NE || n->op == EMT_TOK_NRE;

	for (size_t i = 0; i < emt_rec_count(rec, col); i++)
		if (one_string(n, emt_rec_str_at(rec, col, i), word) != negative)
			return !negative;
	return negative;
}

static const char *text_of(const struct operand *o, const struct emt_rec *rec)
{
	return o->is_column ? emt_rec_get_str(rec, o->col) : o->s;
}

static bool compare(const struct node *n, const struct emt_rec *rec)
{
	const struct operand *a = &n->a, *b = &n->b;
	uint64_t x, y;

	if ((a->is_column && !emt_rec_has(rec, a->col)) || (b->is_column && !emt_rec_has(rec, b->col)))
		return false;
	if (a->class == CLASS_STRING) {
		if (a->list)
			return list_string(n, rec, a->col, n->has_re ? NULL : text_of(b, rec));
		if (b->list)
			return list_string(n, rec, b->col, text_of(a, rec));
		return one_string(n, text_of(a, rec), n->has_re ? NULL : text_of(b, rec));
	}
	x = a->is_column ? emt_rec_get_u64(rec, a->col) : a->u;
	y = b->is_column ? emt_rec_get_u64(rec, b->col) : b->u;
	if (a->class == CLASS_TIME)
		return by_sign(n->op, (int64_t)x < (int64_t)y ? -1 : (int64_t)x > (int64_t)y);
	if (a->real || b->real) {
		long double r = a->real ? a->r : (long double)x, s = b->real ? b->r : (long double)y;

		return by_sign(n->op, r < s ? -1 : r > s);
	}
	return by_sign(n->op, x < y ? -1 : x > y);
}

static bool truth(const struct operand *o, const struct emt_rec *rec)
{
	if (!o->is_column)
		return o->class == CLASS_STRING ? *o->s != '\0' : o->real ? o->r != 0 : o->u != 0;
	if (!emt_rec_has(rec, o->col))
		return false;
	switch (emt_rec_kind(rec)->columns[o->col].type) {
	case EMT_COL_STRING: return *emt_rec_get_str(rec, o->col) != '\0';
	case EMT_COL_STRINGS: case EMT_COL_LIST: return emt_rec_count(rec, o->col) != 0;
	case EMT_COL_OBJECT: case EMT_COL_TIME: return true;
	default: return emt_rec_get_u64(rec, o->col) != 0;
	}
}

static bool eval(const struct emt_filter *f, unsigned int i, const struct emt_rec *rec)
{
	const struct node *n = &f->nodes[i];

	switch (n->kind) {
	case NODE_AND: return eval(f, n->left, rec) && eval(f, n->right, rec);
	case NODE_OR: return eval(f, n->left, rec) || eval(f, n->right, rec);
	case NODE_NOT: return !eval(f, n->left, rec);
	case NODE_COMPARE: return compare(n, rec);
	case NODE_TRUTH: break;
	}
	return truth(&n->a, rec);
}

bool emt_filter_match(const struct emt_filter *f, const struct emt_rec *rec)
{
	return eval(f, f->root, rec);
}
