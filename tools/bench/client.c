/* The load client of the benchmark: one thread, one epoll set, N connections with one request in flight each.
 *
 * It is the same program for quotalog (HTTP/1.1) and Redis (RESP), so that what the client costs weighs on both alike.
 * Requests are templates of fixed length; only the id, the user and the token counts are written anew for each one.
 * An answer counts when it is right: 201 with a receipt that is no replay, 200 with a receipt for every item of a batch,
 * a positive integer from the script. With --holds 1 every event takes two requests: a hold, and its settlement; with
 * --checks 1 nothing is recorded, only decided. The result is one JSON object on standard output. */

#define _GNU_SOURCE
#include "common.h"
#include <stdarg.h>
#include <stdbool.h>

#define HOLD_HOLE "00000000000000000000"
enum { HOLD_DIGITS = sizeof HOLD_HOLE - 1, HOLD_ESTIMATE = 998 };
enum { ID_LENGTH = 36, AMOUNT_LENGTH = 3, OUTPUT_LENGTH = 2, ANSWER_CAPACITY = 1 << 20, EVENTS_PER_WAIT = 256 };
static const double DRAIN_SECONDS = 10;

struct options {
  const char *protocol, *token, *script, *settle_script, *user_prefix, *window;
  int port, connections, batch, user_digits;
  bool remembers_ids, random_ids, users_in_turn, holds, checks;
  uint64_t seed, user_count, event_count;
  double warmup, seconds;
};

/* Where the variable text of one event lies in a request; a negative offset means that the protocol does not send it. */
struct slots {
  int id, user[3], input, output, sum, hold;
};

struct template {
  char *bytes;
  int length, capacity;
  struct slots *slots;
};

struct connection {
  int socket, sent, received, step;
  bool is_waiting;
  char *requests[2], *answer;
  uint64_t started, hold;
};

struct tally {
  uint64_t events, all_events, errors;
  struct latencies latencies;
  char first_error[160];
};

static struct options options;
static struct template templates[2]; /* the second one: what follows the first */
static int step_count = 1;
static struct tally tally;
static uint64_t random_state, issued, measure_from, measure_until;
static int epoll_set, waiting_count, alive_count;

static uint64_t next_random(void) { /* splitmix64 */
  uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* MARK: requests */

static void append(struct template *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int room = to->capacity - to->length;
  int written = vsnprintf(to->bytes + to->length, (size_t)room, format, arguments);
  va_end(arguments);
  if (written >= room) { fprintf(stderr, "client: the request is too large\n"); exit(64); }
  to->length += written;
}

/* Room for text that each request fills in; answers where it lies. */
static int hole(struct template *in, int length) {
  append(in, "%0*d", length, 0);
  return in->length - length;
}

static int user_hole(struct template *in) {
  append(in, "%s", options.user_prefix);
  return hole(in, options.user_digits);
}

static const struct slots no_slots = {-1, {-1, -1, -1}, -1, -1, -1, -1};

static void write_event(struct template *in, struct slots *slots) {
  *slots = no_slots;
  append(in, "{\"id\":\"");
  slots->id = hole(in, ID_LENGTH);
  append(in, "\",\"user\":\"");
  slots->user[0] = user_hole(in);
  append(in, "\",\"input_tokens\":");
  slots->input = hole(in, AMOUNT_LENGTH);
  append(in, ",\"output_tokens\":");
  slots->output = hole(in, OUTPUT_LENGTH);
  append(in, ",\"model\":\"m-small\"}");
}

static void shift(struct slots *slots, int by) {
  int *const places[] = {&slots->id, &slots->user[0], &slots->input, &slots->output};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    if (*places[i] >= 0) *places[i] += by;
  }
}

static void write_http(struct template *to, const char *path, const struct template *body) {
  append(to,
    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Token %s\r\n"
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n",
    path, options.port, options.token, body->length);
  for (int item = 0; item < options.batch; item++) shift(&to->slots[item], to->length);
  append(to, "%s", body->bytes);
}

static struct template empty_body(void) { return (struct template){calloc(1, ANSWER_CAPACITY), 0, ANSWER_CAPACITY, NULL}; }

static void make_usage_template(struct template *to) {
  struct template body = empty_body();
  if (options.batch > 1) append(&body, "[");
  for (int item = 0; item < options.batch; item++) {
    if (item > 0) append(&body, ",");
    write_event(&body, &to->slots[item]);
  }
  if (options.batch > 1) append(&body, "]");
  write_http(to, "/v1/usage", &body);
  free(body.bytes);
}

static void make_hold_template(struct template *to) {
  struct template body = empty_body();
  struct slots *slots = to->slots;
  *slots = no_slots;
  append(&body, "{\"id\":\"");
  slots->id = hole(&body, ID_LENGTH);
  append(&body, "\",\"user\":\"");
  slots->user[0] = user_hole(&body);
  append(&body, "\",\"estimate\":%d}", HOLD_ESTIMATE);
  write_http(to, "/v1/holds", &body);
  free(body.bytes);
}

static void make_settle_template(struct template *to) {
  struct template body = empty_body();
  struct slots *slots = to->slots;
  *slots = no_slots;
  append(&body, "{\"id\":\"");
  slots->id = hole(&body, ID_LENGTH);
  append(&body, "\",\"input_tokens\":");
  slots->input = hole(&body, AMOUNT_LENGTH);
  append(&body, ",\"output_tokens\":");
  slots->output = hole(&body, OUTPUT_LENGTH);
  append(&body, ",\"model\":\"m-small\"}");
  write_http(to, "/v1/holds/" HOLD_HOLE "/settle", &body);
  slots->hold = (int)(strstr(to->bytes, HOLD_HOLE) - to->bytes);
  free(body.bytes);
}

static void make_check_template(struct template *to) {
  struct template body = empty_body();
  struct slots *slots = to->slots;
  *slots = no_slots;
  append(&body, "{\"user\":\"");
  slots->user[0] = user_hole(&body);
  append(&body, "\",\"estimate\":%d}", HOLD_ESTIMATE);
  write_http(to, "/v1/check", &body);
  free(body.bytes);
}

static void append_amount(struct template *to, int *slot) {
  append(to, "$%d\r\n", AMOUNT_LENGTH);
  *slot = hole(to, AMOUNT_LENGTH);
  append(to, "\r\n");
}

/* KEYS: three counters, then the sum of what is held or the request's id where the script wants it.
 * ARGV: what was held, where it is settled; the tokens; the limits, where something is decided. */
static void make_resp_template(struct template *to, const char *script, bool decides, bool settles) {
  static const char *const periods[] = {"day", "week", "month"};
  int keys = 3 + options.holds + options.remembers_ids, arguments = 1 + (decides ? 3 : 0) + settles;
  struct slots *slots = to->slots;
  *slots = no_slots;
  append(to, "*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%s\r\n$1\r\n%d\r\n", 3 + keys + arguments, script, keys);
  for (int period = 0; period < 3; period++) {
    int length = (int)(strlen(periods[period]) + strlen(options.window) + strlen(options.user_prefix)) + 2;
    append(to, "$%d\r\n%s:%s:", length + options.user_digits, periods[period], options.window);
    slots->user[period] = user_hole(to);
    append(to, "\r\n");
  }
  if (options.holds) append(to, "$4\r\nheld\r\n");
  if (options.remembers_ids) {
    append(to, "$%d\r\n", ID_LENGTH);
    slots->id = hole(to, ID_LENGTH);
    append(to, "\r\n");
  }
  if (settles) append(to, "$%d\r\n%d\r\n", AMOUNT_LENGTH, HOLD_ESTIMATE);
  if (options.holds && !settles) append(to, "$%d\r\n%d\r\n", AMOUNT_LENGTH, HOLD_ESTIMATE);
  else append_amount(to, &slots->sum);
  /* The limits never refuse here, but are compared each time. */
  for (int period = 0; decides && period < 3; period++) append(to, "$12\r\n900000000000\r\n");
}

static void make_templates(void) {
  bool is_http = *options.protocol == 'h';
  for (int step = 0; step < 2; step++) {
    templates[step].capacity = ANSWER_CAPACITY;
    templates[step].bytes = calloc(1, ANSWER_CAPACITY);
    templates[step].slots = calloc((size_t)options.batch, sizeof *templates[step].slots);
  }
  if (!options.holds) {
    if (options.checks) make_check_template(&templates[0]);
    else if (is_http) make_usage_template(&templates[0]);
    else make_resp_template(&templates[0], options.script, true, false);
    return;
  }
  step_count = 2;
  if (is_http) {
    make_hold_template(&templates[0]);
    make_settle_template(&templates[1]);
  } else {
    make_resp_template(&templates[0], options.script, true, false);
    make_resp_template(&templates[1], options.settle_script, false, true);
  }
}

static void put_decimal(char *at, int digits, uint64_t value) {
  while (digits-- > 0) {
    at[digits] = (char)('0' + value % 10);
    value /= 10;
  }
}

static void put_hex(char *at, int digits, uint64_t value) {
  while (digits-- > 0) {
    at[digits] = "0123456789abcdef"[value & 15];
    value >>= 4;
  }
}

/* A UUIDv7 whose time goes to a 4096th of a millisecond, or a UUIDv4. */
static void put_id(char *at) {
  uint64_t high = next_random(), low = next_random(), version = 4;
  if (!options.random_ids) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    uint64_t milliseconds = (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
    high = milliseconds << 16 | ((uint64_t)time.tv_nsec % 1000000) * 4096 / 1000000;
    version = 7;
  }
  put_hex(at, 8, high >> 32);
  put_hex(at + 9, 4, high >> 16);
  put_hex(at + 14, 4, (high & 0xfff) | version << 12);
  put_hex(at + 19, 4, (low >> 48 & 0x3fff) | 0x8000);
  put_hex(at + 24, 12, low);
  at[8] = at[13] = at[18] = at[23] = '-';
}

static void fill(char *request, const struct slots *slots, uint64_t hold) {
  uint64_t random = next_random();
  uint64_t user = (options.users_in_turn ? issued : random >> 32) % options.user_count;
  uint64_t input = 100 + (random & 0xffff) % 800, output = 10 + (random >> 16 & 0xffff) % 90;
  issued++;
  if (slots->id >= 0) put_id(request + slots->id);
  for (int period = 0; period < 3; period++) {
    if (slots->user[period] >= 0) put_decimal(request + slots->user[period], options.user_digits, user);
  }
  if (slots->input >= 0) put_decimal(request + slots->input, AMOUNT_LENGTH, input);
  if (slots->output >= 0) put_decimal(request + slots->output, OUTPUT_LENGTH, output);
  if (slots->sum >= 0) put_decimal(request + slots->sum, AMOUNT_LENGTH, input + output);
  if (slots->hold >= 0) put_decimal(request + slots->hold, HOLD_DIGITS, hold);
}

/* MARK: answers */

enum verdict { INCOMPLETE, RIGHT, WRONG };

static int occurrences(const char *text, const char *end, const char *wanted) {
  int count = 0;
  size_t length = strlen(wanted);
  while ((text = memmem(text, (size_t)(end - text), wanted, length))) {
    count++;
    text += length;
  }
  return count;
}

static enum verdict judge_http(struct connection *of) {
  of->answer[of->received] = 0;
  char *body = strstr(of->answer, "\r\n\r\n");
  if (!body) return INCOMPLETE;
  body += 4;
  char *length = strcasestr(of->answer, "\r\ncontent-length:");
  if (!length || length > body) return WRONG;
  char *end = body + atol(length + 17);
  if (of->answer + of->received < end) return INCOMPLETE;
  if (of->answer + of->received > end) return WRONG;
  if (options.checks) {
    bool is_granted = memmem(body, (size_t)(end - body), "\"allowed\":true", 14);
    return strncmp(of->answer, "HTTP/1.1 200", 12) == 0 && is_granted ? RIGHT : WRONG;
  }
  if (options.batch == 1) {
    bool is_new = memmem(body, (size_t)(end - body), "\"replayed\":false", 16);
    const char *hold = options.holds && of->step == 0 ? strstr(body, "\"hold\":\"") : NULL;
    if (hold) of->hold = strtoull(hold + 8, NULL, 10);
    const char *status = of->step == 0 ? "HTTP/1.1 201" : "HTTP/1.1 200";
    return strncmp(of->answer, status, 12) == 0 && is_new ? RIGHT : WRONG;
  }
  if (strncmp(of->answer, "HTTP/1.1 200", 12) != 0) return WRONG;
  return occurrences(body, end, "\"status\":201") == options.batch ? RIGHT : WRONG;
}

static enum verdict judge_resp(struct connection *of) {
  if (of->received < 3 || of->answer[of->received - 1] != '\n') return INCOMPLETE;
  of->answer[of->received] = 0;
  return of->answer[0] == ':' && atoll(of->answer + 1) > 0 ? RIGHT : WRONG;
}

static void note_error(const char *text) {
  if (tally.errors++ == 0) copy_plainly(tally.first_error, sizeof tally.first_error, text);
}

static void count_right(uint64_t started, uint64_t ended) {
  tally.all_events += (uint64_t)options.batch;
  if (ended < measure_from || ended >= measure_until) return;
  tally.events += (uint64_t)options.batch;
  note_latency(&tally.latencies, ended - started);
}

/* MARK: connections */

static void drop(struct connection *connection, const char *why) {
  note_error(why);
  if (connection->is_waiting) waiting_count--;
  connection->is_waiting = false;
  close(connection->socket);
  connection->socket = -1;
  alive_count--;
}

static void watch(struct connection *connection, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(epoll_set, operation, connection->socket, &event) < 0) fail("epoll_ctl");
}

/* Sends what is left of the request; a full socket is tried again when it has room. */
static void send_rest(struct connection *connection, bool was_full) {
  ssize_t sent = send(
    connection->socket, connection->requests[connection->step] + connection->sent,
    (size_t)(templates[connection->step].length - connection->sent),
    MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) return drop(connection, "the connection broke while sending");
  if (sent > 0) connection->sent += (int)sent;
  bool is_full = connection->sent < templates[connection->step].length;
  if (is_full != was_full) watch(connection, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static bool is_over(uint64_t time) {
  return time >= measure_until || (options.event_count > 0 && issued >= options.event_count);
}

static void send_next(struct connection *connection, uint64_t time) {
  /* What was held is settled, however late it is. */
  if (connection->step == 0 && is_over(time)) return;
  for (int item = 0; item < options.batch; item++) {
    fill(connection->requests[connection->step], &templates[connection->step].slots[item], connection->hold);
  }
  connection->sent = connection->received = 0;
  if (connection->step == 0) connection->started = time;
  connection->is_waiting = true;
  waiting_count++;
  send_rest(connection, false);
}

static void receive(struct connection *connection) {
  ssize_t got = recv(
    connection->socket, connection->answer + connection->received,
    (size_t)(ANSWER_CAPACITY - 1 - connection->received), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(connection, "the server closed the connection");
  connection->received += (int)got;
  if (!connection->is_waiting) return drop(connection, "an answer that nobody asked for");
  enum verdict verdict = *options.protocol == 'h' ? judge_http(connection) : judge_resp(connection);
  if (verdict == INCOMPLETE) return;
  uint64_t time = now();
  if (verdict == WRONG) note_error(connection->answer);
  else if (connection->step == step_count - 1) count_right(connection->started, time);
  connection->step = verdict == RIGHT ? (connection->step + 1) % step_count : 0;
  connection->is_waiting = false;
  waiting_count--;
  send_next(connection, time);
}

static void open_connection(struct connection *connection) {
  connection->socket = connect_to(options.port);
  connection->answer = malloc(ANSWER_CAPACITY);
  if (!connection->answer) fail("malloc");
  for (int step = 0; step < step_count; step++) {
    connection->requests[step] = malloc((size_t)templates[step].length);
    if (!connection->requests[step]) fail("malloc");
    memcpy(connection->requests[step], templates[step].bytes, (size_t)templates[step].length);
  }
}

static void run(void) {
  struct connection *connections = calloc((size_t)options.connections, sizeof *connections);
  epoll_set = epoll_create1(0);
  for (int i = 0; i < options.connections; i++) open_connection(&connections[i]);
  alive_count = options.connections;
  uint64_t begun = now();
  measure_from = begun + (uint64_t)(options.warmup * 1e9);
  measure_until = measure_from + (uint64_t)(options.seconds * 1e9);
  for (int i = 0; i < options.connections; i++) {
    watch(&connections[i], EPOLLIN, EPOLL_CTL_ADD);
    send_next(&connections[i], now());
  }
  uint64_t give_up = measure_until + (uint64_t)(DRAIN_SECONDS * 1e9);
  struct epoll_event events[EVENTS_PER_WAIT];
  while (waiting_count > 0 && now() < give_up) {
    int count = epoll_wait(epoll_set, events, EVENTS_PER_WAIT, 1000);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      struct connection *connection = events[i].data.ptr;
      if (connection->socket >= 0 && events[i].events & EPOLLOUT) send_rest(connection, true);
      if (connection->socket >= 0 && events[i].events & ~(uint32_t)EPOLLOUT) receive(connection);
    }
  }
  for (int i = 0; i < waiting_count; i++) note_error("no answer came");
  if (now() < measure_until) measure_until = now();
}

/* MARK: the command line */

static void read_options(int count, char **arguments) {
  options = (struct options){
    .protocol = TEXT("protocol", "http"), .token = TEXT("token", ""), .script = TEXT("script", ""),
    .settle_script = TEXT("settle-script", ""), .holds = NUMBER("holds", "0"),
    .checks = NUMBER("checks", "0"),
    .user_prefix = TEXT("user-prefix", "user-"), .window = TEXT("window", "2026-01-01"),
    .port = (int)NUMBER("port", "0"), .connections = (int)NUMBER("connections", "64"),
    .batch = (int)NUMBER("batch", "1"), .user_digits = (int)NUMBER("user-digits", "12"),
    .remembers_ids = NUMBER("remember-ids", "0"), .random_ids = NUMBER("random-ids", "0"),
    .users_in_turn = NUMBER("users-in-turn", "0"), .seed = NUMBER("seed", "1"),
    .user_count = NUMBER("users", "100000"), .event_count = NUMBER("count", "0"),
    .warmup = atof(TEXT("warmup", "0")), .seconds = atof(TEXT("seconds", "1")),
  };
  if (options.connections < 1 || options.batch < 1 || options.user_count < 1 || options.port < 1) {
    fprintf(stderr, "client: --port, --connections, --batch and --users must be positive\n");
    exit(64);
  }
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  random_state = options.seed;
  make_templates();
  run();
  double seconds = (double)(measure_until - measure_from) / 1e9;
  printf(
    "{\"events\":%llu,\"all_events\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"rate\":%.1f,"
    "\"p50_us\":%.1f,\"p99_us\":%.1f,\"first_error\":\"%s\"}\n",
    (unsigned long long)tally.events, (unsigned long long)tally.all_events, (unsigned long long)tally.errors,
    seconds, seconds > 0 ? (double)tally.events / seconds : 0, quantile_microseconds(&tally.latencies, 0.5),
    quantile_microseconds(&tally.latencies, 0.99), tally.first_error);
  return 0;
}
