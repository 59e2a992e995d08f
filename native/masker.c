/* Copyright: (c) 2026, stagesync contributors
 * GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * Masks BSON documents by the rules of one collection, and compares a masked document with its original.
 *
 * plugins/module_utils/masking/engine.py is the only caller: it builds the tree of rules, then hands over whole batches.
 * The input is what a server sent, but nothing is believed of it: every read is checked against the end of its document.
 * BSON: https://bsonspec.org/spec.html. BLAKE2b: RFC 7693. Needs nothing of the C library but memory.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ABI 2
#define EXPORT __attribute__((visibility("default")))
#define MAX_DEPTH 250                 /* a server takes documents nested 200 deep */
#define MAX_DOCUMENT (16 << 20)       /* bytes */
#define MAX_ATTEMPTS 8                /* draws until a masked value differs from its original */
#define DAY INT64_C(86400000)         /* milliseconds */
#define MAX_DATE INT64_C(8640000000000000) /* milliseconds from 1970; beyond it no date library follows */

enum { DOUBLE = 0x01, STRING = 0x02, DOCUMENT = 0x03, ARRAY = 0x04, BINARY = 0x05, UNDEFINED = 0x06, OBJECT_ID = 0x07,
       BOOLEAN = 0x08, DATE = 0x09, NIL = 0x0A, REGEX = 0x0B, DB_POINTER = 0x0C, CODE = 0x0D, SYMBOL = 0x0E,
       CODE_WITH_SCOPE = 0x0F, INT = 0x10, TIMESTAMP = 0x11, LONG = 0x12, DECIMAL = 0x13, MAX_KEY = 0x7F, MIN_KEY = 0xFF };

/* The numbers below are engine.py's too. */
enum { FAULT_MEMORY = -1, FAULT_MALFORMED = -2, FAULT_TOO_LARGE = -3, FAULT_TOO_DEEP = -4, FAULT_CALLBACK = -5 };
enum { OP_NONE, OP_KEEP, OP_REMOVE, OP_NULL, OP_REDACT, OP_CONSTANT, OP_COMPOSE, OP_PSEUDONYM, OP_OBJECT_ID, OP_UUID,
       OP_DIGITS, OP_PHONE, OP_FORMAT, OP_DATE_SHIFT, OP_TEMPLATE, OP_PYTHON };
enum { PART_LITERAL, PART_PICK, PART_HEX, PART_BETWEEN, PART_FIELD };
enum { MAY_EQUAL = 1, FOLD = 2, OTHER_TYPE = 4 };
enum { CHILD_NAMED, CHILD_STAR, CHILD_KEY };
enum { STOP_END, STOP_OTHER_ID, STOP_SUSPICIOUS };

typedef struct { const uint8_t *at; size_t size; } Bytes;

typedef struct { int kind; int64_t a, b; Bytes data; uint32_t *ends; } Part;

typedef struct Node {
    Bytes name;
    struct Node **children;           /* named ones, in the order of the rules */
    int *followers;                   /* which child was met last as the first one, and after child i at i + 1: a guess */
    struct Node *star, *key, *parent;
    int count, number, rule;          /* rule: its position, or -1 */
    int first_rule;                   /* the rule that counts a value in the place of a sub-document */
    int op, flags;
    uint8_t secret[32];
    uint64_t midstate[8];             /* BLAKE2b after the key block, block 0 of a stream */
    int64_t a;
    uint32_t types;                   /* OP_PYTHON: a bit for each BSON type that it takes */
    Part *parts;
    int part_count;
    Bytes constant;                   /* a type byte and the value; else the person's path, each name ended by NUL */
    uint64_t person_serial;           /* the document in which the person was looked up */
    int person_type;                  /* 0 where there is none */
    Bytes person;
} Node;

typedef struct { uint64_t values, unexpected, found; } Count;

typedef struct Engine Engine;
typedef int (*PythonFunction)(int rule, int type, const uint8_t *value, size_t size, int person_type, const uint8_t *person,
                              size_t person_size, int attempt);
typedef void (*UnlistedFunction)(int node, const uint8_t *name, size_t size, uint64_t document);

struct Engine {
    Node **nodes;
    int node_count, rule_count;
    bool keep_unlisted, failed;
    int fault;                        /* of a field that a template names */
    Count *counts, *saved;
    uint8_t *out, *scratch, *given, *key;
    size_t size, capacity, scratch_capacity, given_size, given_capacity, key_capacity;
    int given_type;
    Bytes document;                   /* the one that is being masked */
    size_t start;                     /* where it begins in `out` */
    uint64_t number;                  /* of documents, over all batches */
    uint64_t serial;                  /* of documents that were begun, also of those that were refused */
    PythonFunction python;
    UnlistedFunction unlisted;
};

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static bool grow(uint8_t **memory, size_t *capacity, size_t wanted)
{
    if (wanted <= *capacity)
        return true;
    size_t next = *capacity ? *capacity : 4096;
    while (next < wanted)
        next *= 2;
    uint8_t *moved = realloc(*memory, next);
    if (!moved)
        return false;
    *memory = moved;
    *capacity = next;
    return true;
}

/* Room for so many more bytes of output. Where memory ends, `failed` is set and the batch ends with FAULT_MEMORY. */
static uint8_t *room(Engine *e, size_t size)
{
    if (!grow(&e->out, &e->capacity, e->size + size + 64)) {
        e->failed = true;
        e->size = 0;
        if (!grow(&e->out, &e->capacity, size + 64))
            abort(); /* not even one value fits: nothing sensible is left to do */
    }
    return e->out + e->size;
}

static void put(Engine *e, const void *data, size_t size)
{
    memcpy(room(e, size), data, size);
    e->size += size;
}

static void put_byte(Engine *e, uint8_t byte) { *room(e, 1) = byte; e->size++; }
static void put_int(Engine *e, int32_t value) { put(e, &value, 4); }
static void put_long(Engine *e, int64_t value) { put(e, &value, 8); }

/* ---- reading BSON (little-endian, as the machines are that mongod runs on) -------------------------------------- */

static int32_t int_at(const uint8_t *at) { int32_t value; memcpy(&value, at, 4); return value; }
static int64_t long_at(const uint8_t *at) { int64_t value; memcpy(&value, at, 8); return value; }
static double double_at(const uint8_t *at) { double value; memcpy(&value, at, 8); return value; }

typedef struct { const uint8_t *at, *end; int type; Bytes name, value; } Element;

/* Bytes of a value of this type that starts here, or -1 where it does not end before `left`. */
static int64_t value_size(int type, const uint8_t *at, size_t left)
{
    int64_t size;
    switch (type) {
    case UNDEFINED: case NIL: case MAX_KEY: case MIN_KEY: return 0;
    case BOOLEAN: size = 1; break;
    case INT: size = 4; break;
    case DOUBLE: case DATE: case TIMESTAMP: case LONG: size = 8; break;
    case OBJECT_ID: size = 12; break;
    case DECIMAL: size = 16; break;
    case STRING: case CODE: case SYMBOL: case DB_POINTER:
        if (left < 5 || int_at(at) < 1)
            return -1;
        size = 4 + (int64_t)int_at(at);
        if (size > (int64_t)left || at[size - 1])
            return -1;
        if (type == DB_POINTER)
            size += 12;
        break;
    case DOCUMENT: case ARRAY:
        if (left < 5 || int_at(at) < 5)
            return -1;
        size = int_at(at);
        if (size > (int64_t)left || at[size - 1])
            return -1;
        break;
    case CODE_WITH_SCOPE:
        if (left < 14 || int_at(at) < 14)
            return -1;
        size = int_at(at);
        break;
    case BINARY:
        if (left < 5 || int_at(at) < 0)
            return -1;
        size = 5 + (int64_t)int_at(at);
        break;
    case REGEX: {
        const uint8_t *middle = memchr(at, 0, left);
        const uint8_t *end = middle ? memchr(middle + 1, 0, left - (size_t)(middle + 1 - at)) : NULL;
        if (!end)
            return -1;
        size = end + 1 - at;
        break;
    }
    default: return -1;
    }
    return size <= (int64_t)left ? size : -1;
}

/* Start at the first element of a document (or array) whose bytes are checked to be there. */
static Element first_of(Bytes document)
{
    Element element = { document.at + 4, document.at + document.size - 1, 0, { 0, 0 }, { 0, 0 } };
    return element;
}

/* Go to the next element: 1, or 0 at the end, or FAULT_MALFORMED. */
static int next(Element *element)
{
    if (element->at >= element->end)
        return element->at == element->end ? 0 : FAULT_MALFORMED;
    element->type = *element->at++;
    const uint8_t *end = memchr(element->at, 0, (size_t)(element->end - element->at));
    if (!end)
        return FAULT_MALFORMED;
    element->name.at = element->at;
    element->name.size = (size_t)(end - element->at);
    element->value.at = end + 1;
    int64_t size = value_size(element->type, end + 1, (size_t)(element->end - end - 1));
    if (size < 0)
        return FAULT_MALFORMED;
    element->value.size = (size_t)size;
    element->at = end + 1 + size;
    return 1;
}

static bool same(Bytes one, Bytes other) { return one.size == other.size && !memcmp(one.at, other.at, one.size); }
static bool is_nothing(int type) { return type == NIL || type == UNDEFINED; }
static bool is_id(Bytes name) { return name.size == 3 && !memcmp(name.at, "_id", 3); }

/* The text of a string value, without its length and its final NUL. */
static Bytes text_of(Bytes value) { Bytes text = { value.at + 4, value.size - 5 }; return text; }

static bool is_empty(int type, Bytes value)
{
    return (type == STRING && value.size == 5) || (type == BINARY && value.size == 5) ||
           ((type == DOCUMENT || type == ARRAY) && value.size == 5);
}

/* Look up a path of names, each ended by NUL, through sub-documents only. */
static bool find(Bytes document, Bytes path, int *type, Bytes *value)
{
    const uint8_t *name = path.at, *end = path.at + path.size;
    while (name < end) {
        size_t size = strlen((const char *)name);
        Element element = first_of(document);
        bool found = false;
        while (!found && next(&element) == 1)
            found = element.name.size == size && !memcmp(element.name.at, name, size);
        if (!found)
            return false;
        name += size + 1;
        *type = element.type;
        *value = element.value;
        if (name < end && element.type != DOCUMENT)
            return false;
        document = element.value;
    }
    return true;
}

/* The value that stands for the person, looked up once a document; false where there is none. */
static bool find_person(Engine *e, Node *node)
{
    if (node->person_serial != e->serial) {
        node->person_serial = e->serial;
        if (!find(e->document, node->constant, &node->person_type, &node->person) || is_nothing(node->person_type))
            node->person_type = 0;
    }
    return node->person_type;
}

/* ---- BLAKE2b (RFC 7693), 64-byte digests under a 32-byte key, salted by the number of the block ------------------- */

static const uint64_t IV[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179 };
static const uint8_t SIGMA[12][16] = {
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
    { 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 }, { 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
    { 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 }, { 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
    { 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 }, { 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
    { 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 }, { 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 }, { 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 } };

#define ROTATE(x, n) (((x) >> (n)) | ((x) << (64 - (n))))
#define MIX(a, b, c, d, x, y)                                                                                           \
    v[a] += v[b] + (x); v[d] = ROTATE(v[d] ^ v[a], 32); v[c] += v[d]; v[b] = ROTATE(v[b] ^ v[c], 24);                    \
    v[a] += v[b] + (y); v[d] = ROTATE(v[d] ^ v[a], 16); v[c] += v[d]; v[b] = ROTATE(v[b] ^ v[c], 63)

static void compress(uint64_t h[8], const uint8_t block[128], uint64_t total, bool last)
{
    uint64_t m[16], v[16];
    memcpy(m, block, 128);
    memcpy(v, h, 64);
    memcpy(v + 8, IV, 64);
    v[12] ^= total;
    if (last)
        v[14] = ~v[14];
#pragma clang loop unroll(full)
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = SIGMA[round];
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]); MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]); MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]); MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]); MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++)
        h[i] ^= v[i] ^ v[i + 8];
}

static void begin_hash(const uint8_t key[32], uint64_t salt, uint64_t h[8])
{
    uint8_t block[128] = { 0 };
    memcpy(h, IV, 64);
    h[0] ^= UINT64_C(0x01010000) ^ (32 << 8) ^ 64; /* depth 1, fanout 1, key and digest lengths */
    h[4] ^= salt;
    memcpy(block, key, 32);
    compress(h, block, 128, false);
}

/* ---- the keyed stream of a value: programs.py's Draw -------------------------------------------------------------- */

typedef struct {
    const Node *node;
    uint8_t kind;
    Bytes value;
    uint64_t block;
    uint8_t seed[64], bytes[64];
    bool seeded;
    int used;
} Stream;

/* One digest: of the kind and the value for block 0, which is the seed of all others. */
static void hash_block(const Node *node, uint64_t block_number, int kind, Bytes value, uint8_t to[64])
{
    uint64_t h[8], total = 128; /* the key's block */
    size_t size = value.size + (kind >= 0), done = 0;
    if (block_number)
        begin_hash(node->secret, block_number, h);
    else
        memcpy(h, node->midstate, 64);
    do {
        uint8_t block[128] = { 0 };
        size_t before = !done && kind >= 0, part = size - done < 128 ? size - done : 128;
        if (before)
            block[0] = (uint8_t)kind;
        memcpy(block + before, value.at + (done ? done - (kind >= 0) : 0), part - before);
        done += part;
        total += part;
        compress(h, block, total, done == size);
    } while (done < size);
    memcpy(to, h, 64);
}

static void refill(Stream *s)
{
    if (!s->seeded) {
        hash_block(s->node, 0, s->kind, s->value, s->seed);
        s->seeded = true;
    }
    Bytes seed = { s->seed, 64 };
    if (s->block)
        hash_block(s->node, s->block, -1, seed, s->bytes);
    else
        memcpy(s->bytes, s->seed, 64);
    s->block++;
    s->used = 0;
}

static Stream stream(const Node *node, char kind, Bytes value, int attempt)
{
    Stream s = { .node = node, .kind = (uint8_t)kind, .value = value, .block = (uint64_t)attempt, .used = 64 };
    return s;
}

static void draw(Stream *s, uint8_t *to, size_t size)
{
    while (size) {
        if (s->used == 64)
            refill(s);
        size_t part = size < (size_t)(64 - s->used) ? size : (size_t)(64 - s->used);
        memcpy(to, s->bytes + s->used, part);
        s->used += (int)part;
        to += part;
        size -= part;
    }
}

static uint64_t draw_long(Stream *s) { uint64_t value; draw(s, (uint8_t *)&value, 8); return value; }
static uint64_t below(Stream *s, uint64_t count) { return draw_long(s) % count; }

/* 0 to count - 1 without bias, for the small counts of characters. */
static int small(Stream *s, int count)
{
    uint8_t byte;
    do
        draw(s, &byte, 1);
    while (byte >= 256 / count * count);
    return byte % count;
}

/* A decimal digit; in front of a number not 0, so that a number and its text get the same digits. */
static int draw_digit(Stream *s, bool leading) { return leading ? 1 + small(s, 9) : small(s, 10); }

static int decimal_text(uint64_t value, char *to)
{
    char reversed[20];
    int size = 0;
    do
        reversed[size++] = (char)('0' + value % 10);
    while (value /= 10);
    for (int i = 0; i < size; i++)
        to[i] = reversed[size - 1 - i];
    return size;
}

/* The names of an array's elements: written anew, for a server takes any, and they could hold something. */
typedef struct { uint64_t next; char text[20]; } Index;

static Bytes next_index(Index *index)
{
    Bytes name = { (uint8_t *)index->text, (size_t)decimal_text(index->next++, index->text) };
    return name;
}

/* The canonical bytes of a number, so that an int, a long and an integral double that are equal are one. */
static Stream number_stream(const Node *node, bool negative, uint64_t value, char *text, int attempt)
{
    int size = 0;
    if (negative && value)
        text[size++] = '-';
    size += decimal_text(value, text + size);
    Bytes written = { (uint8_t *)text, (size_t)size };
    return stream(node, 'n', written, attempt);
}

/* Whether the value is a whole number that fits; sign and magnitude then. */
static bool whole_number(int type, Bytes value, bool *negative, uint64_t *magnitude)
{
    int64_t number;
    if (type == INT)
        number = int_at(value.at);
    else if (type == LONG)
        number = long_at(value.at);
    else if (type == DOUBLE) {
        double given = double_at(value.at);
        if (!(given > -9007199254740992.0 && given < 9007199254740992.0) || (double)(int64_t)given != given)
            return false;
        number = (int64_t)given;
    } else
        return false;
    *negative = number < 0;
    *magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return true;
}

static uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c; }
static bool is_space(uint8_t c) { return c == ' ' || (c >= 9 && c <= 13); }

static bool scratch(Engine *e, size_t size)
{
    if (grow(&e->scratch, &e->scratch_capacity, size))
        return true;
    e->failed = true;
    return false;
}

static Bytes trimmed(Bytes text)
{
    while (text.size && is_space(text.at[0]))
        text.at++, text.size--;
    while (text.size && is_space(text.at[text.size - 1]))
        text.size--;
    return text;
}

/* Trimmed and in lower case. */
static Bytes folded(Engine *e, Bytes text)
{
    text = trimmed(text);
    if (!scratch(e, text.size + 1)) {
        text.size = 0;
        return text;
    }
    for (size_t i = 0; i < text.size; i++)
        e->scratch[i] = lower(text.at[i]);
    text.at = e->scratch;
    return text;
}

/* The stream of any value as it stands; false for types that have no canonical form. */
static bool plain_stream(Engine *e, const Node *node, int type, Bytes value, int attempt, char *text, Stream *s)
{
    bool negative;
    uint64_t magnitude;
    if (type == STRING)
        *s = stream(node, 's', node->flags & FOLD ? folded(e, text_of(value)) : text_of(value), attempt);
    else if (whole_number(type, value, &negative, &magnitude))
        *s = number_stream(node, negative, magnitude, text, attempt);
    else if (type == OBJECT_ID)
        *s = stream(node, 'o', value, attempt);
    else if (type == BINARY) {
        Bytes inner = { value.at + 4, value.size - 4 }; /* subtype and bytes */
        *s = stream(node, 'b', inner, attempt);
    } else if (type == DATE || type == DOUBLE || type == DECIMAL || type == BOOLEAN)
        *s = stream(node, type == DATE ? 't' : type == DOUBLE ? 'd' : type == DECIMAL ? 'D' : '?', value, attempt);
    else
        return false;
    return true;
}

/* ---- characters --------------------------------------------------------------------------------------------------- */

/* The zeros of Unicode's decimal digits (general category Nd, Unicode 15.1); each is followed by one to nine. */
static const uint32_t ZEROS[] = {
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040,
    0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0,
    0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE,
    0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0 };

/* One character of UTF-8: its length; an invalid byte counts as a character of its own. */
static int character(const uint8_t *at, size_t left, uint32_t *code)
{
    int size = at[0] < 0xC0 ? 1 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : at[0] < 0xF8 ? 4 : 1;
    if ((size_t)size > left)
        size = 1;
    *code = size == 1 ? at[0] : at[0] & (0x7F >> size);
    for (int i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            *code = at[0];
            return 1;
        }
        *code = *code << 6 | (at[i] & 0x3F);
    }
    return size;
}

/* The value of a decimal digit of any script, or -1; `zero` is its script's zero. */
static int digit(uint32_t code, uint32_t *zero)
{
    *zero = '0';
    if (code < 0x80)
        return code >= '0' && code <= '9' ? (int)(code - '0') : -1;
    for (size_t i = 0; i < sizeof ZEROS / sizeof *ZEROS && ZEROS[i] <= code; i++)
        if (code - ZEROS[i] < 10) {
            *zero = ZEROS[i];
            return (int)(code - ZEROS[i]);
        }
    return -1;
}

static void put_character(Engine *e, uint32_t code)
{
    if (code < 0x80)
        put_byte(e, (uint8_t)code);
    else if (code < 0x800) {
        put_byte(e, (uint8_t)(0xC0 | code >> 6));
        put_byte(e, (uint8_t)(0x80 | (code & 0x3F)));
    } else {
        if (code < 0x10000)
            put_byte(e, (uint8_t)(0xE0 | code >> 12));
        else {
            put_byte(e, (uint8_t)(0xF0 | code >> 18));
            put_byte(e, (uint8_t)(0x80 | (code >> 12 & 0x3F)));
        }
        put_byte(e, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        put_byte(e, (uint8_t)(0x80 | (code & 0x3F)));
    }
}

static bool in_phone(uint32_t code)
{
    return (code < 0x80 && code && strchr(" +()-./#*,;:\t", (int)code)) || (code >= 0x2010 && code <= 0x2015) ||
           code == 0xA0;
}

/* Bytes of the word before an extension, such as x or ext, that starts here; 0 for any other text. */
static size_t extension(const uint8_t *at, size_t left)
{
    size_t size = 0;
    while (size < left && lower(at[size]) >= 'a' && lower(at[size]) <= 'z')
        size++;
    bool known = (size == 1 && lower(at[0]) == 'x') ||
                 (size == 3 && lower(at[0]) == 'e' && lower(at[1]) == 'x' && lower(at[2]) == 't');
    return known ? size : 0;
}

/* Digits of the country code (ITU-T E.164) that the text's digits begin with after + or 00; 0 without either. */
static int country_code_digits(const uint8_t *digits, size_t count, bool plus)
{
    static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 "
                              "65 66 81 82 84 86 90 91 92 93 94 95 98";
    size_t from = 0;
    if (!plus) {
        if (count < 2 || digits[0] != '0' || digits[1] != '0')
            return 0;
        from = 2;
    }
    if (count < from + 3 || digits[from] == '0')
        return (int)count; /* nothing but a country code, or none */
    if (digits[from] == '1' || digits[from] == '7')
        return (int)from + 1;
    for (const char *code = two; *code; code += code[2] ? 3 : 2)
        if (digits[from] == (uint8_t)code[0] && digits[from + 1] == (uint8_t)code[1])
            return (int)from + 2;
    return (int)from + 3;
}

/* The digits of a text as ASCII in the scratch memory; how many there are. */
static size_t digits_of(Engine *e, Bytes text)
{
    size_t count = 0;
    uint32_t code, zero;
    if (!scratch(e, text.size + 1))
        return 0;
    for (size_t i = 0; i < text.size;) {
        i += (size_t)character(text.at + i, text.size - i, &code);
        int value = digit(code, &zero);
        if (value >= 0)
            e->scratch[count++] = (uint8_t)('0' + value);
    }
    return count;
}

static bool mask_characters(Engine *e, const Node *node, Bytes text, int attempt)
{
    size_t count = digits_of(e, text), seen = 0, fixed = 0;
    uint32_t code, zero;
    if (node->op == OP_PHONE) {
        bool plus = false;
        if (text.size > 64 || !count)
            return false;
        for (size_t i = 0, digits = 0; i < text.size;) {
            size_t word = digits ? extension(text.at + i, text.size - i) : 0;
            i += word ? word : (size_t)character(text.at + i, text.size - i, &code);
            if (word)
                continue;
            if (digit(code, &zero) >= 0)
                digits++;
            else if (!in_phone(code))
                return false;
            else if (code == '+' && !digits)
                plus = true;
        }
        fixed = (size_t)country_code_digits(e->scratch, count, plus);
        if (fixed >= count)
            return false;
    } else if (node->op == OP_DIGITS && !count)
        return false;
    Bytes digits = { e->scratch, count };
    Stream s = stream(node, 's', node->op == OP_FORMAT ? text : digits, attempt);
    for (size_t i = 0; i < text.size;) {
        int size = character(text.at + i, text.size - i, &code);
        int value = digit(code, &zero);
        if (value >= 0) {
            if (seen < fixed)
                put(e, text.at + i, (size_t)size);
            else
                put_character(e, zero + (uint32_t)draw_digit(&s, !seen && value && count > 1));
            seen++;
        } else if (node->op != OP_FORMAT || (code < 0x80 && lower((uint8_t)code) == code && (code < 'a' || code > 'z')))
            put(e, text.at + i, (size_t)size);
        else
            put_byte(e, (uint8_t)((code >= 'A' && code <= 'Z' ? 'A' : 'a') + small(&s, 26)));
        i += (size_t)size;
    }
    return true;
}

/* A number of as many digits; what a type cannot hold is drawn once more from those that it can. */
static uint64_t other_number(const Node *node, uint64_t value, uint64_t limit, int attempt)
{
    char text[20];
    int size = decimal_text(value, text);
    uint64_t low = 1, drawn = 0;
    Bytes written = { (uint8_t *)text, (size_t)size };
    Stream s = stream(node, 's', written, attempt);
    for (int i = 0; i < size; i++) {
        int next = draw_digit(&s, !i && size > 1);
        if (drawn > (limit - (uint64_t)next) / 10)
            drawn = UINT64_MAX; /* and stays it: above every limit */
        else
            drawn = drawn * 10 + (uint64_t)next;
        low *= i ? 10 : 1;
    }
    return drawn <= limit ? drawn : low + below(&s, limit - low + 1);
}

static bool mask_number(Engine *e, const Node *node, int type, Bytes value, int attempt)
{
    bool negative;
    uint64_t magnitude;
    if (type == DECIMAL) { /* binary integer significand: https://en.wikipedia.org/wiki/Decimal128_floating-point_format */
        uint64_t low, high;
        memcpy(&low, value.at, 8);
        memcpy(&high, value.at + 8, 8);
        if ((high >> 61 & 3) == 3 || (high & UINT64_C(0x1FFFFFFFFFFFF)) || low > INT64_MAX)
            return false;
        put_long(e, (int64_t)other_number(node, low, INT64_MAX, attempt));
        put(e, value.at + 8, 8);
        return true;
    }
    if (!whole_number(type, value, &negative, &magnitude))
        return false;
    uint64_t limit = type == INT ? INT32_MAX : type == LONG ? INT64_MAX : UINT64_C(1) << 53;
    uint64_t masked = other_number(node, magnitude > limit ? limit : magnitude, limit, attempt);
    if (type == INT)
        put_int(e, negative ? -(int32_t)masked : (int32_t)masked);
    else if (type == LONG)
        put_long(e, negative ? -(int64_t)masked : (int64_t)masked);
    else {
        double number = negative ? -(double)masked : (double)masked;
        put(e, &number, 8);
    }
    return true;
}

static void put_hex(Engine *e, Stream *s, int64_t characters)
{
    uint8_t byte = 0;
    for (int64_t i = 0; i < characters; i++) {
        if (i % 2 == 0)
            draw(s, &byte, 1);
        put_byte(e, (uint8_t)"0123456789abcdef"[i % 2 ? byte & 15 : byte >> 4]);
    }
}

/* ---- dates -------------------------------------------------------------------------------------------------------- */

/* Days from 1970-01-01 in the proleptic Gregorian calendar, and back; H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", days_from_civil and civil_from_days. */
static int64_t days_from(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, of_era = days - era * 146097;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100), shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(years + era * 400 + (*month <= 2));
}

static int number_at(const uint8_t *at, int size)
{
    int value = 0;
    for (int i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        value = value * 10 + at[i] - '0';
    }
    return value;
}

/* HH:MM, then :SS and a fraction, then Z or an offset as in +05:30, +0530 or +05, as ISO 8601 and RFC 3339 write them;
 * the milliseconds since midnight in UTC. */
static bool read_time(const uint8_t *at, const uint8_t *end, int64_t *milliseconds)
{
    if (end - at < 5 || number_at(at, 2) < 0 || number_at(at, 2) > 24 || at[2] != ':' || number_at(at + 3, 2) < 0 ||
        number_at(at + 3, 2) > 59)
        return false;
    *milliseconds = (number_at(at, 2) * 60 + number_at(at + 3, 2)) * INT64_C(60000);
    at += 5;
    if (end - at >= 3 && at[0] == ':' && number_at(at + 1, 2) >= 0 && number_at(at + 1, 2) <= 60) {
        *milliseconds += number_at(at + 1, 2) * 1000;
        at += 3;
        if (end - at >= 2 && (*at == '.' || *at == ',')) {
            const uint8_t *first = ++at;
            for (int part = 100; at < end && at - first < 9 && *at >= '0' && *at <= '9'; at++, part /= 10)
                *milliseconds += part * (*at - '0');
            if (at == first)
                return false;
        }
    }
    if (at < end && *at == ' ')
        at++;
    if (at == end)
        return at[-1] != ' ';
    if (*at == 'Z' || *at == 'z')
        return at + 1 == end;
    if ((*at != '+' && *at != '-') || end - at < 3 || number_at(at + 1, 2) < 0 || number_at(at + 1, 2) > 14)
        return false;
    int64_t minute = *at == '+' ? 60000 : -60000;
    *milliseconds -= number_at(at + 1, 2) * 60 * minute;
    at += 3;
    if (at < end && *at == ':')
        at++;
    else if (at == end)
        return true;
    if (end - at != 2 || number_at(at, 2) < 0 || number_at(at, 2) > 59)
        return false;
    *milliseconds -= number_at(at, 2) * minute;
    return true;
}

/* The day that a text begins with, and its moment in milliseconds from 1970, in UTC where it names no other zone. */
static bool read_date(Bytes text, int64_t *days, int64_t *moment)
{
    int64_t time = 0;
    if (text.size < 10 || text.size > 40 || text.at[4] != '-' || text.at[7] != '-' ||
        (text.size > 10 && !strchr("Tt ", text.at[10])))
        return false;
    if (text.size > 10 && !read_time(text.at + 11, text.at + text.size, &time))
        return false;
    int year = number_at(text.at, 4), month = number_at(text.at + 5, 2), day = number_at(text.at + 8, 2);
    int same_month, same_day;
    if (year < 0 || month < 1 || month > 12 || day < 1)
        return false;
    *days = days_from(year, month, day);
    *moment = *days * DAY + time;
    date_from(*days, &year, &same_month, &same_day);
    return same_month == month && same_day == day; /* not 30 February */
}

static bool put_date(Engine *e, Bytes text, int64_t days)
{
    int year, month, day;
    date_from(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return false;
    char written[10] = { (char)('0' + year / 1000), (char)('0' + year / 100 % 10), (char)('0' + year / 10 % 10),
                         (char)('0' + year % 10), '-', (char)('0' + month / 10), (char)('0' + month % 10), '-',
                         (char)('0' + day / 10), (char)('0' + day % 10) };
    put(e, written, 10);
    put(e, text.at + 10, text.size - 10);
    return true;
}

/* Days, never 0, by the person's value where one is named and there, otherwise by the moment, as date or as text. */
static int64_t days_of_shift(Engine *e, Node *node, int64_t moment, int attempt)
{
    char text[24];
    Stream s;
    int type = DATE;
    Bytes value = { (const uint8_t *)&moment, 8 };
    if (node->constant.size) {
        if (!find_person(e, node))
            return 0;
        type = node->person_type;
        value = node->person;
    }
    if (!plain_stream(e, node, type, value, attempt, text, &s))
        return 0;
    int64_t drawn = (int64_t)below(&s, 2 * (uint64_t)node->a) - node->a;
    return drawn >= 0 ? drawn + 1 : drawn;
}

static size_t begin_string(Engine *e) { put_int(e, 0); return e->size; }

static void end_string(Engine *e, size_t start)
{
    put_byte(e, 0);
    if (e->failed)
        return;
    int32_t size = (int32_t)(e->size - start);
    memcpy(e->out + start - 4, &size, 4);
}

static bool mask_date(Engine *e, Node *node, int type, Bytes value, int attempt)
{
    int64_t days = 0, moment;
    if (type == DATE)
        moment = long_at(value.at);
    else if (!read_date(text_of(value), &days, &moment))
        return false;
    if (moment > MAX_DATE || moment < -MAX_DATE)
        return false;
    int64_t shift = days_of_shift(e, node, moment, attempt);
    if (!shift)
        return false;
    if (type == DATE) {
        moment += shift * DAY;
        if (moment > MAX_DATE || moment < -MAX_DATE)
            return false;
        put_long(e, moment);
        return true;
    }
    size_t start = begin_string(e);
    bool taken = put_date(e, text_of(value), days + shift);
    end_string(e, start);
    return taken;
}

/* ---- programs: write the value (not type and name) of one scalar; false where it is not taken --------------------- */

static int mask_leaf(Engine *e, Node *node, int type, Bytes name, Bytes value, int depth);

/* The text of another field of the same document, masked. */
static void put_field(Engine *e, const Part *part)
{
    int type;
    Bytes value, none = { (const uint8_t *)"", 0 };
    if (!find(e->document, part->data, &type, &value) || is_nothing(type))
        return;
    size_t start = e->size;
    memcpy(e->saved, e->counts, sizeof(Count) * (size_t)e->rule_count);
    int fault = mask_leaf(e, e->nodes[part->a], type, none, value, 0);
    memcpy(e->counts, e->saved, sizeof(Count) * (size_t)e->rule_count);
    if (fault < 0)
        e->fault = fault;
    if (fault < 0 || e->failed || e->size < start + 2)
        return;
    type = e->out[start];
    Bytes written = { e->out + start + 2, e->size - start - 2 };
    bool negative;
    uint64_t magnitude;
    char text[24];
    size_t size = 0;
    if (type == STRING) {
        size = written.size - 5;
        memmove(e->out + start, written.at + 4, size);
    } else if (whole_number(type, written, &negative, &magnitude)) {
        if (negative)
            text[size++] = '-';
        size += (size_t)decimal_text(magnitude, text + size);
        memcpy(e->out + start, text, size);
    }
    e->size = start + size;
}

static void put_part(Engine *e, const Part *part, Stream *s)
{
    char written[24];
    uint64_t value;
    switch (part->kind) {
    case PART_LITERAL:
        put(e, part->data.at, part->data.size);
        break;
    case PART_PICK:
        value = below(s, (uint64_t)part->a);
        put(e, part->data.at + (value ? part->ends[value - 1] : 0), part->ends[value] - (value ? part->ends[value - 1] : 0));
        break;
    case PART_HEX:
        put_hex(e, s, part->a);
        break;
    case PART_BETWEEN:
        put(e, written, (size_t)decimal_text((uint64_t)part->a + below(s, (uint64_t)(part->b - part->a) + 1), written));
        break;
    case PART_FIELD:
        put_field(e, part);
        break;
    }
}

static bool mask_parts(Engine *e, Node *node, Bytes text, int attempt)
{
    Stream s = stream(node, 's', node->flags & FOLD ? folded(e, text) : text, attempt);
    refill(&s); /* while the folded original is in the scratch memory: its seed is enough from here on */
    size_t start = begin_string(e);
    for (int i = 0; i < node->part_count; i++)
        put_part(e, node->parts + i, &s);
    end_string(e, start);
    return true;
}

/* Length and subtype; the old subtype repeats its length, which is written anew, for it could be anything. */
static size_t put_binary_header(Engine *e, Bytes value)
{
    put(e, value.at, 5);
    if (value.at[4] != 2 || value.size < 9)
        return 5;
    put_int(e, (int32_t)(value.size - 9));
    return 9;
}

static bool mask_pseudonym(Engine *e, const Node *node, int type, Bytes value, int attempt)
{
    char text[24];
    Stream s;
    if (type == BOOLEAN || type == DATE || !plain_stream(e, node, type, value, attempt, text, &s))
        return false;
    size_t start;
    uint64_t number;
    double floating;
    switch (type) {
    case STRING:
        start = begin_string(e);
        put_hex(e, &s, 32);
        end_string(e, start);
        return true;
    case INT:
        put_int(e, (int32_t)(draw_long(&s) >> 33));
        return true;
    case LONG:
        put_long(e, (int64_t)(draw_long(&s) >> 1));
        return true;
    case DOUBLE:
        floating = (double)(draw_long(&s) >> 11);
        put(e, &floating, 8);
        return true;
    case DECIMAL:
        number = draw_long(&s) >> 1;
        put(e, &number, 8);
        put_long(e, INT64_C(0x3040000000000000)); /* exponent 0 */
        return true;
    case BINARY: {
        size_t fixed = put_binary_header(e, value);
        draw(&s, room(e, value.size - fixed), value.size - fixed);
        e->size += value.size - fixed;
        return true;
    }
    case OBJECT_ID:
        draw(&s, room(e, 12), 12);
        e->size += 12;
        return true;
    default:
        return false;
    }
}

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/* The bytes that hexadecimal digits stand for, hyphens left out; false for any other text or number of bytes. */
static bool bytes_from_hex(Bytes text, uint8_t *to, size_t count)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        int value = hex_value(text.at[i]);
        if (value < 0 && text.at[i] == '-')
            continue;
        if (value < 0 || digits == 2 * count)
            return false;
        to[digits / 2] = (uint8_t)(digits % 2 ? to[digits / 2] | value : value << 4);
        digits++;
    }
    return digits == 2 * count;
}

/* Hexadecimal digits in the form of the original: its hyphens, its case. */
static void put_like(Engine *e, Bytes text, const uint8_t *bytes)
{
    bool upper = false;
    size_t digits = 0, start = begin_string(e);
    for (size_t i = 0; i < text.size; i++)
        upper |= text.at[i] >= 'A' && text.at[i] <= 'F';
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '-') {
            put_byte(e, '-');
            continue;
        }
        uint8_t half = digits % 2 ? bytes[digits / 2] & 15 : bytes[digits / 2] >> 4;
        put_byte(e, (uint8_t)(upper ? "0123456789ABCDEF" : "0123456789abcdef")[half]);
        digits++;
    }
    end_string(e, start);
}

/* An ObjectId or a UUID, as such or as its text; both forms of one value get the same pseudonym. */
static bool mask_identifier(Engine *e, const Node *node, int type, Bytes value, int attempt)
{
    uint8_t bytes[17] = { 4 }, *original = node->op == OP_UUID ? bytes + 1 : bytes, masked[16];
    size_t size = node->op == OP_UUID ? 16 : 12;
    if (type == STRING) {
        if (!bytes_from_hex(text_of(value), original, size))
            return false;
    } else if (node->op == OP_UUID) {
        if (type != BINARY || value.size != 21 || (value.at[4] != 3 && value.at[4] != 4))
            return false;
        memcpy(original, value.at + 5, 16);
    } else if (type == OBJECT_ID)
        memcpy(original, value.at, 12);
    else
        return false;
    Bytes hashed = { bytes, node->op == OP_UUID ? 17 : 12 };
    Stream s = stream(node, node->op == OP_UUID ? 'b' : 'o', hashed, attempt);
    draw(&s, masked, size);
    if (node->op == OP_UUID) {
        masked[6] = (uint8_t)((masked[6] & 0x0F) | 0x40);
        masked[8] = (uint8_t)((masked[8] & 0x3F) | 0x80);
    } else if (node->a)
        memcpy(masked, original, 4);
    if (type == STRING)
        put_like(e, text_of(value), masked);
    else {
        put(e, value.at, value.size - size);
        put(e, masked, size);
    }
    return true;
}

static bool program(Engine *e, Node *node, int type, Bytes value, int attempt)
{
    size_t start;
    bool taken;
    switch (node->op) {
    case OP_COMPOSE:
        return type == STRING && mask_parts(e, node, text_of(value), attempt);
    case OP_TEMPLATE:
        return mask_parts(e, node, value, attempt);
    case OP_PSEUDONYM:
        return mask_pseudonym(e, node, type, value, attempt);
    case OP_OBJECT_ID: case OP_UUID:
        return mask_identifier(e, node, type, value, attempt);
    case OP_DIGITS: case OP_PHONE: case OP_FORMAT:
        if (type != STRING)
            return mask_number(e, node, type, value, attempt);
        start = begin_string(e);
        taken = mask_characters(e, node, text_of(value), attempt);
        end_string(e, start);
        return taken;
    case OP_DATE_SHIFT:
        return (type == DATE || type == STRING) && mask_date(e, node, type, value, attempt);
    default:
        return false;
    }
}

/* ---- redaction: the constant of a type ------------------------------------------------------------------------------ */

static void put_header(Engine *e, int type, Bytes name)
{
    uint8_t *to = room(e, name.size + 2);
    *to = (uint8_t)type;
    memcpy(to + 1, name.at, name.size);
    to[name.size + 1] = 0;
    e->size += name.size + 2;
}

static int close_document(Engine *e, size_t start)
{
    put_byte(e, 0);
    if (e->failed)
        return FAULT_MEMORY;
    int32_t size = (int32_t)(e->size - start);
    memcpy(e->out + start, &size, 4);
    return 0;
}

static int redact(Engine *e, int type, Bytes name, Bytes value, int depth)
{
    static const uint8_t zeros[17], text[15] = "\x0b\0\0\0[redacted]";
    if (depth > MAX_DEPTH)
        return FAULT_TOO_DEEP;
    if (type == ARRAY) {
        put_header(e, type, name);
        size_t start = e->size;
        put_int(e, 0);
        Element element = first_of(value);
        Index index = { 0 };
        int more;
        while ((more = next(&element)) == 1)
            if ((more = redact(e, element.type, next_index(&index), element.value, depth + 1)) < 0)
                return more;
        return more < 0 ? more : close_document(e, start);
    }
    put_header(e, type, name);
    switch (type) {
    case DOUBLE: case DATE: case LONG: put(e, zeros, 8); break;
    case INT: put(e, zeros, 4); break;
    case BOOLEAN: put(e, zeros, 1); break;
    case OBJECT_ID: put(e, zeros, 12); break;
    case TIMESTAMP: put_long(e, 1); break; /* a server would put the time in the place of 0 */
    case DECIMAL: put_long(e, 0); put_long(e, INT64_C(0x3040000000000000)); break;
    case STRING: case SYMBOL: put(e, text, 15); break;
    case CODE: put_int(e, 1); put_byte(e, 0); break;
    case REGEX: put(e, zeros, 2); break;
    case DB_POINTER: put_int(e, 1); put(e, zeros, 13); break;
    case CODE_WITH_SCOPE: put_int(e, 14); put_int(e, 1); put_byte(e, 0); put_int(e, 5); put_byte(e, 0); break;
    case DOCUMENT: put_int(e, 5); put_byte(e, 0); break;
    case BINARY: {
        size_t fixed = put_binary_header(e, value);
        memset(room(e, value.size - fixed), 0, value.size - fixed);
        e->size += value.size - fixed;
        break;
    }
    default: break; /* null, undefined, the smallest and the largest key have no value */
    }
    return 0;
}

/* ---- masking a tree ------------------------------------------------------------------------------------------------- */

static void put_element(Engine *e, int type, Bytes name, Bytes value)
{
    if (name.at + name.size + 1 == value.at) { /* as it stands in the original, where its type is the byte before */
        put(e, name.at - 1, name.size + 2 + value.size);
        return;
    }
    put_header(e, type, name);
    put(e, value.at, value.size);
}

/* Whether a masked value tells its original: byte by byte, or as people read it where the mask does not tell case apart. */
static bool is_original(const Node *node, int type, Bytes masked, Bytes value)
{
    if (!(node->flags & FOLD) || type != STRING)
        return same(masked, value);
    Bytes text = text_of(masked), original = trimmed(text_of(value));
    if (text.size != original.size)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (lower(text.at[i]) != lower(original.at[i]))
            return false;
    return true;
}

/* One value by its program, drawn again while it equals its original; the redaction where it is not taken. */
static int mask_scalar(Engine *e, Node *node, int type, Bytes name, Bytes value, int depth)
{
    Count *count = e->counts + node->rule;
    size_t start = e->size;
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        int written = type;
        put_header(e, type, name);
        size_t from = e->size;
        if (node->op == OP_PYTHON) {
            int taken = 0;
            if (node->constant.size)
                find_person(e, node);
            e->given_type = -1;
            if (node->types >> (type & 31) & 1)
                taken = e->python(node->rule, type, value.at, value.size, node->person_type, node->person.at, node->person.size,
                                  attempt);
            if (taken < 0 || (taken && e->given_type < 0))
                return FAULT_CALLBACK;
            if (!taken)
                break;
            written = e->given_type;
            put(e, e->given, e->given_size);
            if (!e->failed)
                e->out[start] = (uint8_t)written;
        } else if (!program(e, node, type, value, attempt))
            break;
        else if (node->op == OP_TEMPLATE)
            e->out[start] = (uint8_t)(written = STRING);
        if (e->failed || e->fault)
            return e->failed ? FAULT_MEMORY : e->fault;
        Bytes masked = { e->out + from, e->size - from };
        if (node->flags & MAY_EQUAL || written != type || !is_original(node, type, masked, value)) {
            count->values++;
            return 0;
        }
        e->size = start;
    }
    if (e->failed)
        return FAULT_MEMORY;
    e->size = start;
    count->unexpected++;
    return redact(e, type, name, value, depth);
}

static int mask_leaf(Engine *e, Node *node, int type, Bytes name, Bytes value, int depth)
{
    Count *count = e->counts + node->rule;
    if (depth > MAX_DEPTH)
        return FAULT_TOO_DEEP;
    if (e->size - e->start > MAX_DOCUMENT) /* a template can make much of little */
        return FAULT_TOO_LARGE;
    switch (node->op) {
    case OP_KEEP:
        count->values++;
        put_element(e, type, name, value);
        return 0;
    case OP_REMOVE:
        count->values++;
        return 0;
    case OP_NULL:
        count->values += !is_nothing(type);
        put_header(e, NIL, name);
        return 0;
    case OP_CONSTANT:
        count->values++;
        put_header(e, node->constant.at[0], name);
        put(e, node->constant.at + 1, node->constant.size - 1);
        return 0;
    default:
        break;
    }
    if (is_nothing(type) || is_empty(type, value)) {
        put_element(e, type, name, value);
        return 0;
    }
    if (type == ARRAY && node->op != OP_TEMPLATE && !(node->op == OP_PYTHON && node->types >> ARRAY & 1)) {
        put_header(e, type, name);
        size_t start = e->size;
        put_int(e, 0);
        Element element = first_of(value);
        Index index = { 0 };
        int more;
        while ((more = next(&element)) == 1)
            if ((more = mask_leaf(e, node, element.type, next_index(&index), element.value, depth + 1)) < 0)
                return more;
        return more < 0 ? more : close_document(e, start);
    }
    if (node->op == OP_REDACT) {
        count->values++;
        return redact(e, type, name, value, depth);
    }
    return mask_scalar(e, node, type, name, value, depth);
}

/* The child that a name leads to. The documents of a collection mostly have their fields in one order, so the guess is
 * the one that followed last time; `last` is the child that was met before this one, -1 at first. */
static Node *child_of(const Node *node, Bytes name, int *last)
{
    if (node->count) {
        int *guess = node->followers + *last + 1, at = *guess;
        for (int tried = 0; tried < node->count; tried++, at = at + 1 < node->count ? at + 1 : 0)
            if (same(node->children[at]->name, name)) {
                *guess = *last = at;
                return node->children[at];
            }
    }
    return node->parent == NULL && is_id(name) ? NULL : node->star;
}

/* Whether a name is data, not structure: no rule names it and it is not a document's own _id. */
static bool is_key(const Node *node, const Node *child, Bytes name)
{
    return child == node->star && (node->parent || !is_id(name));
}

static int mask_document(Engine *e, Node *node, Bytes document, bool strip, int depth);

static int mask_value(Engine *e, Node *node, int type, Bytes name, Bytes value, bool strip, int depth)
{
    if (depth > MAX_DEPTH)
        return FAULT_TOO_DEEP;
    if (node->rule >= 0)
        e->counts[node->rule].found++;
    if (!node->count && !node->star && !node->key)
        return mask_leaf(e, node, type, name, value, depth);
    strip = strip && node->op != OP_KEEP;
    if (type == DOCUMENT) {
        put_header(e, type, name);
        return mask_document(e, node, value, strip, depth + 1);
    }
    if (type == ARRAY) {
        put_header(e, type, name);
        size_t start = e->size;
        put_int(e, 0);
        Element element = first_of(value);
        Index index = { 0 };
        int more;
        while ((more = next(&element)) == 1)
            if ((more = mask_value(e, node, element.type, next_index(&index), element.value, strip, depth + 1)) < 0)
                return more;
        return more < 0 ? more : close_document(e, start);
    }
    if (strip && !is_nothing(type) && !is_empty(type, value)) {
        /* A value where the rules name fields below it. */
        e->counts[node->first_rule].unexpected++;
        return redact(e, type, name, value, depth);
    }
    put_element(e, type, name, value);
    return 0;
}

/* A map's key, masked as the string that it is. It stays in `key` until it is written, before anything below it.
 * Keys that fail closed are told apart by their place, since a document cannot hold one name twice. */
static int mask_key(Engine *e, Node *node, Bytes *name, int place)
{
    uint64_t unexpected = e->counts[node->rule].unexpected;
    char number[20];
    Bytes none = { (const uint8_t *)"", 0 };
    size_t start = e->size;
    int32_t length = (int32_t)name->size + 1;
    e->counts[node->rule].found++;
    if (!name->size)
        return 0;
    if (!grow(&e->key, &e->key_capacity, name->size + 5))
        return FAULT_MEMORY;
    memcpy(e->key, &length, 4);
    memcpy(e->key + 4, name->at, name->size + 1);
    Bytes value = { e->key, name->size + 5 };
    int fault = mask_leaf(e, node, STRING, none, value, 0);
    if (fault < 0 || e->failed)
        return fault < 0 ? fault : FAULT_MEMORY;
    if (e->counts[node->rule].unexpected != unexpected) {
        e->size--;
        put(e, number, (size_t)decimal_text((uint64_t)place, number));
        put_byte(e, 0);
    }
    size_t written = e->size - start - 6; /* type, empty name and length; a final NUL */
    if (!grow(&e->key, &e->key_capacity, written))
        return FAULT_MEMORY;
    memcpy(e->key, e->out + start + 6, written);
    e->size = start;
    name->at = e->key;
    name->size = written - 1;
    return memchr(name->at, 0, name->size) ? FAULT_MALFORMED : 0;
}

static int mask_document(Engine *e, Node *node, Bytes document, bool strip, int depth)
{
    size_t start = e->size;
    Element element = first_of(document);
    int more, last = -1, place = 0;
    put_int(e, 0);
    for (; (more = next(&element)) == 1; place++) {
        Node *child = child_of(node, element.name, &last);
        Bytes name = element.name;
        if (!child && strip) {
            if (node->key && is_key(node, child, name)) /* a name that a rule masks is no name to report */
                e->unlisted(node->number, (const uint8_t *)"*", 1, e->number);
            else
                e->unlisted(node->number, name.at, name.size, e->number);
            continue;
        }
        if (node->key && is_key(node, child, name) && (more = mask_key(e, node->key, &name, place)) < 0)
            return more;
        if (!child)
            put_element(e, element.type, name, element.value);
        else if ((more = mask_value(e, child, element.type, name, element.value, strip, depth)) < 0)
            return more;
    }
    return more < 0 ? more : close_document(e, start);
}

/* Mask a batch of documents into `out`; the number of documents, or a fault that `masker_number` locates. */
EXPORT int64_t masker_mask(Engine *e, const uint8_t *batch, size_t size)
{
    size_t at = 0;
    int64_t documents = 0;
    e->size = 0;
    e->failed = false;
    e->fault = 0;
    while (at < size) {
        int64_t length = value_size(DOCUMENT, batch + at, size - at);
        if (length < 0)
            return FAULT_MALFORMED;
        e->start = e->size;
        e->serial++;
        e->document.at = batch + at;
        e->document.size = (size_t)length;
        int fault = mask_document(e, e->nodes[0], e->document, !e->keep_unlisted, 0);
        if (fault < 0 || e->failed)
            return fault < 0 ? fault : FAULT_MEMORY;
        if (e->size - e->start > MAX_DOCUMENT)
            return FAULT_TOO_LARGE;
        at += (size_t)length;
        documents++;
        e->number++;
    }
    return documents;
}

/* ---- comparing: written apart from the masking above, so that a mistake there is found here --------------------------- */

typedef struct { uint64_t changed, allowed; } Change;

static bool equal_elements(const Element *one, const Element *other)
{
    return one->type == other->type && same(one->value, other->value);
}

static bool compare_document(Engine *e, const Node *node, Bytes one, Bytes other, bool kept, Change *changes, int depth);

/* Whether it is the constant of the original's type; of an array, of each element. */
static bool is_redacted(const Element *one, const Element *other)
{
    const uint8_t *at = other->value.at;
    size_t size = other->value.size, zeros = 0;
    if (one->type != other->type)
        return false;
    if (one->type == STRING || one->type == SYMBOL)
        return size == 15 && !memcmp(at + 4, "[redacted]", 10);
    if (one->type == REGEX || one->type == CODE || one->type == DOCUMENT)
        return size == (one->type == REGEX ? 2 : 5);
    if (one->type == DB_POINTER || one->type == CODE_WITH_SCOPE)
        return size == (one->type == DB_POINTER ? 17 : 14);
    if (size != one->value.size)
        return false;
    if (one->type == DECIMAL || one->type == TIMESTAMP)
        return one->type == DECIMAL ? !long_at(at) && long_at(at + 8) == INT64_C(0x3040000000000000) : long_at(at) == 1;
    if (one->type == BINARY) {
        if (memcmp(at, one->value.at, 5))
            return false;
        zeros = at[4] == 2 && size >= 9 ? 9 : 5;
        if (zeros == 9 && int_at(at + 5) != (int32_t)(size - 9))
            return false;
    }
    while (zeros < size)
        if (at[zeros++])
            return false;
    return true;
}

/* Whether it is one of the values that the mask chooses from: a type byte and the value each. */
static bool is_among(const Node *node, const Element *element)
{
    for (int i = 0; i < node->part_count; i++) {
        Bytes part = node->parts[i].data, inner = { part.at + 1, part.size - 1 };
        if (part.at[0] == element->type && same(inner, element->value))
            return true;
    }
    return false;
}

/* Whether a masked leaf is beyond doubt what the rules promise; anything doubtful is for Python to judge. */
static bool compare_leaf(const Node *node, const Element *one, const Element *other, Change *changes, int depth)
{
    if (depth > MAX_DEPTH)
        return false;
    Change *change = changes + node->rule;
    if (node->op == OP_KEEP)
        return equal_elements(one, other);
    if (node->op == OP_NULL) {
        change->changed += !is_nothing(one->type);
        return other->type == NIL;
    }
    bool nothing = is_nothing(one->type) || is_empty(one->type, one->value);
    if (node->op == OP_CONSTANT) { /* without a constant it is the mask expr */
        Bytes inner = { node->constant.at + 1, node->constant.size - 1 };
        *(equal_elements(one, other) ? &change->allowed : &change->changed) += 1;
        return !node->constant.size || (other->type == node->constant.at[0] && same(inner, other->value));
    }
    if (nothing)
        return equal_elements(one, other);
    if (node->op == OP_PYTHON && node->part_count && one->type != ARRAY) { /* the mask choice */
        *(equal_elements(one, other) ? &change->allowed : &change->changed) += 1;
        return is_redacted(one, other) || is_among(node, other);
    }
    if (node->op == OP_TEMPLATE || (node->flags & OTHER_TYPE && one->type != ARRAY)) {
        *(equal_elements(one, other) ? &change->allowed : &change->changed) += 1;
        return other->type == (node->op == OP_TEMPLATE ? STRING : one->type); /* another type is for Python to judge */
    }
    if (one->type != other->type)
        return false;
    bool takes = node->op == OP_PYTHON && node->types >> (one->type & 31) & 1;
    if (one->type == ARRAY && !takes) {
        Element first = first_of(one->value), second = first_of(other->value);
        for (;;) {
            int more = next(&first);
            if (more != next(&second) || more < 0)
                return false;
            if (!more)
                return true;
            if (!compare_leaf(node, &first, &second, changes, depth + 1))
                return false;
        }
    }
    if ((node->op == OP_REDACT || (one->type == DOCUMENT && !takes)) && !is_redacted(one, other))
        return false;
    if (!same(one->value, other->value)) {
        change->changed++;
        return true;
    }
    change->allowed++;
    return node->flags & MAY_EQUAL;
}

static bool compare_value(Engine *e, const Node *node, const Element *one, const Element *other, bool kept, Change *changes,
                          int depth)
{
    if (depth > MAX_DEPTH)
        return false;
    if (!node->count && !node->star && !node->key)
        return compare_leaf(node, one, other, changes, depth);
    kept = kept || node->op == OP_KEEP;
    if (one->type == DOCUMENT && other->type == DOCUMENT)
        return compare_document(e, node, one->value, other->value, kept, changes, depth + 1);
    if (one->type == ARRAY && other->type == ARRAY) {
        Element first = first_of(one->value), second = first_of(other->value);
        for (;;) {
            int more = next(&first);
            if (more != next(&second) || more < 0)
                return false;
            if (!more)
                return true;
            if (!compare_value(e, node, &first, &second, kept, changes, depth + 1))
                return false;
        }
    }
    return (kept || is_nothing(one->type)) && equal_elements(one, other);
}

static bool compare_document(Engine *e, const Node *node, Bytes one, Bytes other, bool kept, Change *changes, int depth)
{
    Element first = first_of(one), second = first_of(other);
    int more, last = -1;
    while ((more = next(&first)) == 1) {
        const Node *child = child_of(node, first.name, &last);
        if (!child && !kept)
            continue; /* not let through: where it is in the clean copy, the names differ from here on */
        if (child && child->op == OP_REMOVE && !child->count && !child->star) {
            changes[child->rule].changed++;
            continue;
        }
        if (next(&second) != 1)
            return false;
        if (node->key && is_key(node, child, first.name)) {
            bool stays = !first.name.size || node->key->op == OP_KEEP;
            if (same(first.name, second.name) != stays)
                return false;
            changes[node->key->rule].changed += !stays;
        } else if (!same(first.name, second.name))
            return false;
        if (child ? !compare_value(e, child, &first, &second, kept, changes, depth) : !equal_elements(&first, &second))
            return false;
    }
    return more == 0 && next(&second) == 0;
}

static bool id_of(Bytes document, Element *element)
{
    *element = first_of(document);
    while (next(element) == 1)
        if (is_id(element->name))
            return true;
    return false;
}

/* Walk both batches from their offsets while documents pair up; why it stopped, at the first pair that did not. */
EXPORT int masker_compare(Engine *e, const uint8_t *one, size_t one_size, size_t *one_at,
                          const uint8_t *other, size_t other_size, size_t *other_at, Change *changes, uint64_t *compared)
{
    Change *before = malloc(sizeof(Change) * (size_t)(e->rule_count + 1));
    int reason = STOP_END;
    if (!before)
        return FAULT_MEMORY;
    while (*one_at < one_size && *other_at < other_size) {
        int64_t length = value_size(DOCUMENT, one + *one_at, one_size - *one_at);
        int64_t other_length = value_size(DOCUMENT, other + *other_at, other_size - *other_at);
        if (length < 0 || other_length < 0) {
            reason = FAULT_MALFORMED;
            break;
        }
        Bytes first = { one + *one_at, (size_t)length }, second = { other + *other_at, (size_t)other_length };
        Element id, other_id;
        if (!id_of(first, &id) || !id_of(second, &other_id) || !equal_elements(&id, &other_id)) {
            reason = STOP_OTHER_ID;
            break;
        }
        memcpy(before, changes, sizeof(Change) * (size_t)e->rule_count);
        if (!compare_document(e, e->nodes[0], first, second, e->keep_unlisted, changes, 0)) {
            memcpy(changes, before, sizeof(Change) * (size_t)e->rule_count);
            reason = STOP_SUSPICIOUS;
            break;
        }
        *one_at += first.size;
        *other_at += second.size;
        ++*compared;
    }
    free(before);
    return reason;
}

/* ---- telling documents apart by what is not masked of them, where no _id joins them ----------------------------------- */

typedef struct { Engine *e; const Node *salt; bool ordered, clean; } Rest;

static const Node EVERYTHING = { .rule = -1, .op = OP_KEEP };

static void digest(const Rest *rest, size_t start, uint8_t to[64])
{
    Bytes written = { rest->e->out + start, rest->e->size - start };
    hash_block(rest->salt, 0, -1, written, to);
    rest->e->size = start;
}

static void add(uint64_t sum[2], const uint8_t *number)
{
    uint64_t low = (uint64_t)long_at(number);
    sum[0] += low;
    sum[1] += (uint64_t)long_at(number + 8) + (sum[0] < low);
}

static int put_rest(const Rest *rest, const Node *node, Bytes document, bool kept, bool array, int depth);

/* One value without what is masked of it: 1, or 0 where nothing of it stays. */
static int put_rest_value(const Rest *rest, const Node *node, const Element *element, Bytes name, bool masked_name, bool kept,
                          int depth)
{
    bool leaf = !node->count && !node->star && !node->key, below = element->type == DOCUMENT || element->type == ARRAY;
    kept = kept || node->op == OP_KEEP;
    if (leaf && node->op != OP_KEEP)
        return 0;
    if (!leaf && !below && !kept && !is_nothing(element->type))
        return 0;
    put_byte(rest->e, (uint8_t)element->type);
    put_byte(rest->e, masked_name);
    put(rest->e, name.at, name.size);
    put_byte(rest->e, 0);
    if (below && !(leaf && rest->ordered)) {
        int fault = put_rest(rest, leaf ? &EVERYTHING : node, element->value, kept, element->type == ARRAY, depth + 1);
        return fault < 0 ? fault : 1;
    }
    put(rest->e, element->value.at, element->value.size);
    return 1;
}

/* A time series keeps its measurements by column, so that the order of their fields is the server's own: the digests of
 * the fields are added up there. Elsewhere, and in arrays everywhere, the order counts. */
static int put_rest(const Rest *rest, const Node *node, Bytes document, bool kept, bool array, int depth)
{
    static const Bytes nameless = { (const uint8_t *)"", 0 };
    bool ordered = rest->ordered || array;
    uint64_t sum[2] = { 0, 0 };
    uint8_t hashed[64];
    Element element = first_of(document);
    int more, last = -1;
    if (depth > MAX_DEPTH)
        return FAULT_TOO_DEEP;
    while ((more = next(&element)) == 1) {
        const Node *child = array ? node : child_of(node, element.name, &last);
        if (!child && !kept && !rest->clean)
            continue; /* the clean copy must not hold it */
        bool masked_name = !array && node->key && is_key(node, child, element.name) && element.name.size &&
                           node->key->op != OP_KEEP;
        size_t start = rest->e->size;
        more = put_rest_value(rest, child ? child : &EVERYTHING, &element, array || masked_name ? nameless : element.name,
                              masked_name, kept, depth);
        if (more < 0 || rest->e->failed)
            return more < 0 ? more : FAULT_MEMORY;
        if (more && !ordered) {
            digest(rest, start, hashed);
            add(sum, hashed);
        }
    }
    if (!ordered)
        put(rest->e, sum, 16);
    put_byte(rest->e, 0);
    return more;
}

/* Add up the digests of a batch's documents. `out` holds the digest of each that is not above the limit, and where it is. */
EXPORT int64_t masker_rests(Engine *e, const uint8_t *batch, size_t size, const uint8_t salt[32], bool ordered, bool clean,
                            const uint8_t limit[16], uint64_t sum[2])
{
    Node salted = { .rule = -1 };
    Rest rest = { e, &salted, ordered, clean };
    int64_t documents = 0;
    begin_hash(salt, 0, salted.midstate);
    e->size = 0;
    e->failed = false;
    for (size_t at = 0; at < size; documents++) {
        uint8_t hashed[64];
        int64_t length = value_size(DOCUMENT, batch + at, size - at);
        if (length < 0)
            return FAULT_MALFORMED;
        Bytes document = { batch + at, (size_t)length };
        size_t start = e->size;
        int fault = put_rest(&rest, e->nodes[0], document, e->keep_unlisted, false, 0);
        if (fault < 0 || e->failed)
            return fault < 0 ? fault : FAULT_MEMORY;
        digest(&rest, start, hashed);
        add(sum, hashed);
        if (memcmp(hashed, limit, 16) <= 0) {
            put(e, hashed, 16);
            put_long(e, (int64_t)at);
        }
        at += (size_t)length;
    }
    return e->failed ? FAULT_MEMORY : documents;
}

/* ---- building the tree ------------------------------------------------------------------------------------------------ */

static bool copied(Bytes *to, const uint8_t *data, size_t size)
{
    uint8_t *memory = malloc(size + 1);
    if (!memory)
        return false;
    memcpy(memory, data, size);
    memory[size] = 0;
    to->at = memory;
    to->size = size;
    return true;
}

EXPORT int masker_abi(void) { return ABI; }

EXPORT int masker_node(Engine *e, int parent, int kind, const uint8_t *name, size_t size)
{
    Node *node = calloc(1, sizeof *node);
    Node **nodes = realloc(e->nodes, sizeof *nodes * (size_t)(e->node_count + 1));
    if (nodes)
        e->nodes = nodes;
    if (!node || !nodes || !copied(&node->name, name, size)) {
        free(node);
        return FAULT_MEMORY;
    }
    node->rule = node->first_rule = -1;
    node->number = e->node_count;
    if (parent >= 0) {
        node->parent = e->nodes[parent];
        if (kind == CHILD_STAR)
            node->parent->star = node;
        else if (kind == CHILD_KEY)
            node->parent->key = node;
        else {
            Node **children = realloc(node->parent->children, sizeof *children * (size_t)(node->parent->count + 1));
            if (children)
                node->parent->children = children;
            int *followers = realloc(node->parent->followers, sizeof *followers * (size_t)(node->parent->count + 2));
            if (followers)
                node->parent->followers = followers;
            if (!children || !followers)
                return FAULT_MEMORY;
            followers[node->parent->count] = node->parent->count; /* until documents tell, the order of the rules */
            followers[node->parent->count + 1] = 0;
            children[node->parent->count++] = node;
        }
    }
    e->nodes[e->node_count++] = node;
    return node->number;
}

EXPORT Engine *masker_new(int rules, bool keep_unlisted, PythonFunction python, UnlistedFunction unlisted)
{
    Engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->rule_count = rules;
    e->counts = calloc((size_t)rules + 1, sizeof *e->counts);
    e->saved = calloc((size_t)rules + 1, sizeof *e->saved);
    e->keep_unlisted = keep_unlisted;
    e->python = python;
    e->unlisted = unlisted;
    if (!e->counts || !e->saved || masker_node(e, -1, CHILD_NAMED, (const uint8_t *)"", 0) < 0)
        return NULL;
    return e;
}

EXPORT int masker_rule(Engine *e, int number, int rule, int op, int flags, const uint8_t secret[32], int64_t a,
                       uint32_t types, const uint8_t *data, size_t size)
{
    Node *node = e->nodes[number];
    node->rule = rule;
    node->op = op;
    node->flags = flags;
    node->a = a;
    node->types = types;
    memcpy(node->secret, secret, 32);
    begin_hash(secret, 0, node->midstate);
    for (Node *above = node; above; above = above->parent)
        if (above->first_rule < 0)
            above->first_rule = rule;
    return copied(&node->constant, data, size) ? 0 : FAULT_MEMORY;
}

/* `ends` holds, for PART_PICK, where each of `a` words ends within the data. */
EXPORT int masker_part(Engine *e, int number, int kind, int64_t a, int64_t b, const uint8_t *data, size_t size,
                       const uint32_t *ends)
{
    Node *node = e->nodes[number];
    Part *parts = realloc(node->parts, sizeof *parts * (size_t)(node->part_count + 1));
    if (!parts)
        return FAULT_MEMORY;
    node->parts = parts;
    Part *part = parts + node->part_count;
    memset(part, 0, sizeof *part);
    part->kind = kind;
    part->a = a;
    part->b = b;
    if (!copied(&part->data, data, size))
        return FAULT_MEMORY;
    if (kind == PART_PICK) {
        part->ends = malloc(sizeof *ends * (size_t)a);
        if (!part->ends)
            return FAULT_MEMORY;
        memcpy(part->ends, ends, sizeof *ends * (size_t)a);
    }
    node->part_count++;
    return 0;
}

/* What a Python mask made of the value that it was called for. */
EXPORT int masker_give(Engine *e, int type, const uint8_t *data, size_t size)
{
    if (!grow(&e->given, &e->given_capacity, size))
        return FAULT_MEMORY;
    memcpy(e->given, data, size);
    e->given_size = size;
    e->given_type = type;
    return 0;
}

EXPORT const uint8_t *masker_out(const Engine *e) { return e->out; }
EXPORT size_t masker_size(const Engine *e) { return e->size; }
EXPORT uint64_t masker_number(const Engine *e) { return e->number; }
EXPORT const Count *masker_counts(const Engine *e) { return e->counts; }

EXPORT void masker_free(Engine *e)
{
    for (int i = 0; i < e->node_count; i++) {
        Node *node = e->nodes[i];
        for (int j = 0; j < node->part_count; j++) {
            free((void *)node->parts[j].data.at);
            free(node->parts[j].ends);
        }
        memset(node->secret, 0, 32);
        memset(node->midstate, 0, 64);
        free((void *)node->name.at);
        free((void *)node->constant.at);
        free(node->parts);
        free(node->children);
        free(node->followers);
        free(node);
    }
    free(e->nodes);
    free(e->counts);
    free(e->saved);
    free(e->out);
    free(e->scratch);
    free(e->given);
    free(e->key);
    free(e);
}
