// Reads every chunk of a log's `events` table with one cursor: what any reader of the log pays at least.
//
//     scan --log DIR [--walk records|bytes] [--turns N]
//
// `records` follows the length in front of each record; `bytes` adds up every eight bytes, so that each page has been
// through the processor once. Prints one JSON object for the quickest and the middle turn.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lmdb.h>

#define CHUNK_HEADER_BYTES 4
#define MINIMUM_RECORD_BYTES 40
#define MAP_BYTES (1ULL << 40)
#define MAXIMUM_TURNS 99

struct scanned {
  uint64_t records, bytes, sum;
};

static void fail(const char *what, int code) {
  fprintf(stderr, "scan: %s: %s\n", what, code ? mdb_strerror(code) : "the log is not as expected");
  exit(1);
}

static void check(const char *what, int code) {
  if (code != MDB_SUCCESS) fail(what, code);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static uint16_t short_word(const uint8_t *at) { return at[0] | at[1] << 8; }

static void walk_records(const MDB_val *chunk, struct scanned *scanned) {
  const uint8_t *bytes = chunk->mv_data;
  size_t offset = CHUNK_HEADER_BYTES;
  while (offset + MINIMUM_RECORD_BYTES <= chunk->mv_size) {
    size_t length = short_word(bytes + offset);
    if (length < MINIMUM_RECORD_BYTES) fail("a record's length", 0);
    scanned->sum += length;
    scanned->records++;
    offset += length;
  }
  if (offset != chunk->mv_size) fail("a chunk's end", 0);
}

static void walk_bytes(const MDB_val *chunk, struct scanned *scanned) {
  const uint8_t *bytes = chunk->mv_data;
  uint64_t sum = 0, word;
  for (size_t offset = 0; offset + sizeof word <= chunk->mv_size; offset += sizeof word) {
    memcpy(&word, bytes + offset, sizeof word);
    sum += word;
  }
  scanned->sum += sum;
  scanned->records += short_word(bytes + 2);
}

static struct scanned scan(MDB_env *environment, MDB_dbi events, int by_bytes) {
  struct scanned scanned = {0};
  MDB_txn *transaction;
  MDB_cursor *cursor;
  MDB_val key, chunk;
  check("beginning to read", mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
  check("opening a cursor", mdb_cursor_open(transaction, events, &cursor));
  int code;
  while ((code = mdb_cursor_get(cursor, &key, &chunk, MDB_NEXT)) == MDB_SUCCESS) {
    if (chunk.mv_size <= CHUNK_HEADER_BYTES) fail("a chunk", 0);
    scanned.bytes += chunk.mv_size;
    if (by_bytes) walk_bytes(&chunk, &scanned);
    else walk_records(&chunk, &scanned);
  }
  if (code != MDB_NOTFOUND) fail("reading on", code);
  mdb_cursor_close(cursor);
  mdb_txn_abort(transaction);
  return scanned;
}

static int compare_doubles(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int count, char **words) {
  const char *log = NULL;
  int by_bytes = 1, turns = 3;
  for (int index = 1; index + 1 < count; index += 2) {
    if (!strcmp(words[index], "--log")) log = words[index + 1];
    else if (!strcmp(words[index], "--walk")) by_bytes = !strcmp(words[index + 1], "bytes");
    else if (!strcmp(words[index], "--turns")) turns = atoi(words[index + 1]);
    else return fprintf(stderr, "scan: unknown option %s\n", words[index]), 64;
  }
  if (!log || turns < 1 || turns > MAXIMUM_TURNS)
    return fprintf(stderr, "scan: --log DIR, and --turns from 1 to %d\n", MAXIMUM_TURNS), 64;

  MDB_env *environment;
  MDB_txn *transaction;
  MDB_dbi events;
  check("making an environment", mdb_env_create(&environment));
  check("sizing the map", mdb_env_set_mapsize(environment, MAP_BYTES));
  check("allowing tables", mdb_env_set_maxdbs(environment, 1));
  check(log, mdb_env_open(environment, log, MDB_RDONLY | MDB_NORDAHEAD, 0));
  check("beginning to read", mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
  check("opening the table of events", mdb_dbi_open(transaction, "events", 0, &events));
  check("keeping the table open", mdb_txn_commit(transaction));

  double seconds[MAXIMUM_TURNS];
  struct scanned scanned = {0};
  for (int turn = 0; turn < turns; turn++) {
    double start = seconds_now();
    scanned = scan(environment, events, by_bytes);
    seconds[turn] = seconds_now() - start;
  }
  qsort(seconds, turns, sizeof *seconds, compare_doubles);
  printf("{\"events\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"sum\": %" PRIu64 ", \"seconds\": %.6f, "
         "\"quickest_seconds\": %.6f}\n",
         scanned.records, scanned.bytes, scanned.sum, seconds[turns / 2], seconds[0]);
  mdb_env_close(environment);
  return 0;
}
