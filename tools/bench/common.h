/* What both load clients need: the clock, a histogram of latencies, connections, the command line. */

#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
  exit(74);
}

/* Nanoseconds of a clock that nobody sets. */
static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* MARK: latencies, in buckets that are at most a 64th wide */

enum { SUB_BUCKETS = 64, BUCKETS = 64 * SUB_BUCKETS };

struct latencies {
  uint64_t count, buckets[BUCKETS];
};

static int bucket_of(uint64_t value) {
  if (value < SUB_BUCKETS) return (int)value;
  int shift = 63 - __builtin_clzll(value) - 6;
  return (shift + 1) * SUB_BUCKETS + (int)(value >> shift) - SUB_BUCKETS;
}

static uint64_t value_of(int bucket) {
  if (bucket < SUB_BUCKETS) return (uint64_t)bucket;
  int shift = bucket / SUB_BUCKETS - 1;
  return (uint64_t)(bucket % SUB_BUCKETS + SUB_BUCKETS) << shift;
}

static void note_latency(struct latencies *of, uint64_t nanoseconds) {
  of->count++;
  of->buckets[bucket_of(nanoseconds)]++;
}

static double quantile_microseconds(const struct latencies *of, double share) {
  uint64_t wanted = (uint64_t)((double)of->count * share), seen = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket++) {
    seen += of->buckets[bucket];
    if (seen > wanted) return (double)value_of(bucket) / 1000;
  }
  return 0;
}

/* MARK: errors */

/* The first thing that went wrong, as text that JSON can hold as it is. */
static void copy_plainly(char *to, size_t capacity, const char *text) {
  size_t length = 0;
  for (; text[length] && length < capacity - 1; length++) {
    char c = text[length];
    to[length] = c < ' ' || c == '"' || c == '\\' || c > '~' ? ' ' : c;
  }
  to[length] = 0;
}

/* MARK: connections */

static int connect_to(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int made = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  if (made < 0) fail("socket");
  if (connect(made, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return made;
}

/* MARK: the command line */

static const char *text_option(int count, char **arguments, const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < count; i += 2) {
    if (strcmp(arguments[i], name) == 0) return arguments[i + 1];
  }
  return otherwise;
}

#define TEXT(name, otherwise) text_option(count, arguments, "--" name, otherwise)
#define NUMBER(name, otherwise) strtoull(TEXT(name, otherwise), NULL, 10)
