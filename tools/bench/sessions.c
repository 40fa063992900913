/* The client of the part `sessions`: many open sessions over few JSON-RPC connections, and reports of usage over HTTP.
 *
 * It takes steps from standard input, a line each, and answers each with one line when the step is done:
 *   open COUNT                     creates further sessions, spread over the connections, and attaches to them
 *   spend PER_SESSION WARMUP SECS  reports usage that many times a second in every session, and watches what arrives
 *   detach                         leaves all sessions, which stay open
 *
 * Reports are due at fixed moments, whether or not those before were answered; every latency counts from the moment
 * when the report was due. Each report makes two events, `assistant.usage` and `session.usage_checkpoint`; an event
 * counts when it arrives exactly once, at its session, and with the total that all reports before make. */

#define _GNU_SOURCE
#include "common.h"
#include <stdbool.h>
#include <sys/resource.h>

enum { HTTP_CAPACITY = 16384, RPC_CAPACITY = 1 << 20, EVENTS_PER_WAIT = 256, MAXIMUM_SECONDS = 3600 };
enum { EVENTS_PER_REPORT = 2, NANO_PER_REPORT = 1500000 };
static const uint64_t SECOND = 1000000000u, SAMPLE_EVERY = 10000000u, SILENCE = 200000000u;
static const uint64_t PATIENCE = 60 * SECOND, DRAIN = 60 * SECOND;

struct peer {
  bool is_rpc, is_busy;
  int socket;
  char *input;
  size_t length, capacity;
};

struct session {
  uint64_t reports, checkpoints, due; /* due: when the report was that its next checkpoint follows */
};

/* One run of `spend`. */
struct run {
  uint64_t first_report, count, begun, from, until, interval;
  uint64_t sent, delivered_in_time, offered, bytes;
  struct latencies all;
  struct latencies *by_second;
  uint64_t *waiting;
  size_t samples;
};

static struct peer *rpcs, *https;
static struct session *sessions;
static struct run run;
static uint64_t session_count, detached_count, report_count, delivered, answered, errors;
static uint8_t *has_arrived; /* per report of this run: whether its `assistant.usage` came */
static int rpc_count, http_count, idle_first, idle_count, epoll_set, http_port;
static struct peer **idle; /* a ring: whoever has rested longest is next, so that none rests too long */
static const char *http_token;
static char first_error[160];

static void note_error(const char *text) {
  if (errors++ == 0) copy_plainly(first_error, sizeof first_error, text);
}

/* MARK: sending; what is sent is small, so that a full socket means a server that does not read */

static void send_all(int socket, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
    if (sent < 0) fail("send");
    bytes += sent;
    length -= (size_t)sent;
  }
}

static void call(struct peer *rpc, const char *method, const char *parameters) {
  char body[1024], frame[1200];
  static uint64_t number;
  int length = snprintf(
    body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":{%s}}",
    (unsigned long long)++number, method, parameters);
  int framed = snprintf(frame, sizeof frame, "Content-Length: %d\r\n\r\n%s", length, body);
  send_all(rpc->socket, frame, (size_t)framed);
}

static uint64_t due(uint64_t report) { return run.begun + (report - run.first_report) * run.interval; }

static void send_report(struct peer *http, uint64_t report) {
  char body[256], request[768];
  int length = snprintf(
    body, sizeof body,
    "{\"usage_id\":\"u%012llu\",\"model\":\"m-small\",\"input_tokens\":1200,\"output_tokens\":250,\"nano_aiu\":%d}",
    (unsigned long long)report, NANO_PER_REPORT);
  int whole = snprintf(
    request, sizeof request,
    "POST /v1/sessions/bench-%08llu/usage HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token %s\r\n"
    "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
    (unsigned long long)(report % session_count), http_token, length, body);
  http->is_busy = true;
  http->length = 0;
  send_all(http->socket, request, (size_t)whole);
}

static void rest(struct peer *http) { idle[(idle_first + idle_count++) % http_count] = http; }

static void send_what_is_due(uint64_t time) {
  while (idle_count > 0 && run.sent < run.count && due(run.first_report + run.sent) <= time) {
    struct peer *next = idle[idle_first];
    idle_first = (idle_first + 1) % http_count;
    idle_count--;
    send_report(next, run.first_report + run.sent);
    run.sent++;
  }
}

/* MARK: what arrives */

static const char *find(const char *in, const char *end, const char *wanted) {
  size_t length = strlen(wanted);
  const char *found = memmem(in, (size_t)(end - in), wanted, length);
  return found ? found + length : NULL;
}

static uint64_t number_behind(const char *in, const char *end, const char *wanted) {
  const char *found = find(in, end, wanted);
  return found ? strtoull(found, NULL, 10) : UINT64_MAX;
}

static void note_delivery(uint64_t due_at, uint64_t time) {
  delivered++;
  if (time >= run.from && time < run.until) run.delivered_in_time++;
  if (due_at < run.from || due_at >= run.until) return;
  note_latency(&run.all, time - due_at);
  note_latency(&run.by_second[(due_at - run.from) / SECOND], time - due_at);
}

static void take_usage(struct session *of, const char *event, const char *end, uint64_t time) {
  uint64_t report = number_behind(event, end, "\"usageId\":\"u"), index = report - run.first_report;
  if (report == UINT64_MAX || index >= run.count || &sessions[report % session_count] != of) {
    return note_error("usage of a report that was not made in this session");
  }
  if (has_arrived[index]++) return note_error("usage that has arrived before");
  of->due = due(report);
  of->reports++;
  note_delivery(of->due, time);
}

static void take_checkpoint(struct session *of, const char *event, const char *end, uint64_t time) {
  of->checkpoints++;
  if (of->checkpoints != of->reports) return note_error("a checkpoint that follows no usage");
  if (number_behind(event, end, "\"totalNanoAiu\":") != of->reports * NANO_PER_REPORT) {
    return note_error("a checkpoint with a wrong total");
  }
  note_delivery(of->due, time);
}

static void take_event(const char *body, const char *end, uint64_t time) {
  uint64_t number = number_behind(body, end, "\"sessionId\":\"bench-");
  const char *type = find(body, end, "\"type\":\"");
  if (number >= session_count || !type) return note_error(body);
  struct session *of = &sessions[number];
  if (strncmp(type, "assistant.usage\"", 16) == 0) return take_usage(of, type, end, time);
  if (strncmp(type, "session.usage_checkpoint\"", 25) == 0) return take_checkpoint(of, type, end, time);
  bool is_start = strncmp(type, "session.start\"", 14) == 0;
  if (!is_start && strncmp(type, "session.session_limits_changed\"", 31) != 0) note_error(body);
}

static void take_body(const char *body, const char *end, uint64_t time) {
  static const char event[] = "{\"jsonrpc\":\"2.0\",\"method\":\"session.event\"";
  static const char answer[] = "{\"jsonrpc\":\"2.0\",\"id\":";
  if (strncmp(body, event, sizeof event - 1) == 0) return take_event(body, end, time);
  if (strncmp(body, answer, sizeof answer - 1) != 0) return; /* lifecycle notifications */
  answered++;
  if (!find(body, end, ",\"result\":")) note_error(body);
}

/* Takes the frames that are complete and keeps the rest. */
static void take_frames(struct peer *rpc, uint64_t time) {
  char *at = rpc->input, *end = rpc->input + rpc->length;
  *end = 0;
  for (;;) {
    char *body = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
    if (!body) break;
    size_t length = strtoull(at + strlen("Content-Length: "), NULL, 10);
    body += 4;
    if ((size_t)(end - body) < length) break;
    take_body(body, body + length, time);
    at = body + length;
  }
  rpc->length = (size_t)(end - at);
  memmove(rpc->input, at, rpc->length);
}

static void take_answer(struct peer *http) {
  http->input[http->length] = 0;
  char *body = strstr(http->input, "\r\n\r\n"), *length = strcasestr(http->input, "\r\ncontent-length:");
  if (!body || http->input + http->length < body + 4 + (length ? atol(length + 17) : 0)) return;
  bool is_right = strncmp(http->input, "HTTP/1.1 200", 12) == 0 && strstr(body, "\"duplicate\":false");
  if (!is_right) note_error(http->input);
  http->is_busy = false;
  rest(http);
}

static void watch(struct peer *peer) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
  if (epoll_ctl(epoll_set, EPOLL_CTL_ADD, peer->socket, &event) < 0) fail("epoll_ctl");
}

/* A server may close a connection that rests, at any time: that is no failure. */
static void connect_again(struct peer *http) {
  close(http->socket);
  http->socket = connect_to(http_port);
  http->length = 0;
  watch(http);
}

static void receive(struct peer *peer) {
  ssize_t got = recv(peer->socket, peer->input + peer->length, peer->capacity - 1 - peer->length, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0 && !peer->is_rpc && !peer->is_busy) return connect_again(peer);
  if (got <= 0) {
    fprintf(stderr, "client: the server closed %s connection\n", peer->is_rpc ? "a JSON-RPC" : "an HTTP");
    exit(74);
  }
  peer->length += (size_t)got;
  run.bytes += (uint64_t)got;
  if (peer->is_rpc) take_frames(peer, now());
  else take_answer(peer);
}

/* Takes what arrives within so many nanoseconds; answers whether anything did. */
static bool wait_for_input(uint64_t nanoseconds) {
  struct epoll_event events[EVENTS_PER_WAIT];
  struct timespec timeout = {(time_t)(nanoseconds / SECOND), (long)(nanoseconds % SECOND)};
  int count = epoll_pwait2(epoll_set, events, EVENTS_PER_WAIT, &timeout, NULL);
  if (count < 0 && errno != EINTR) fail("epoll_pwait2");
  for (int i = 0; i < count; i++) receive(events[i].data.ptr);
  return count > 0;
}

static void wait_for_answers(uint64_t wanted) {
  uint64_t give_up = now() + PATIENCE;
  while (answered < wanted && now() < give_up) wait_for_input(SECOND / 10);
  if (answered < wanted) note_error("not everything was answered");
  while (wait_for_input(SILENCE)) continue;
}

/* MARK: the steps */

static void open_sessions(uint64_t count) {
  uint64_t before = answered;
  for (uint64_t i = 0; i < count; i++, session_count++) {
    char parameters[160];
    snprintf(
      parameters, sizeof parameters,
      "\"sessionId\":\"bench-%08llu\",\"model\":\"m-small\",\"sessionLimits\":{\"maxAiCredits\":1000000}",
      (unsigned long long)session_count);
    sessions = realloc(sessions, (session_count + 1) * sizeof *sessions);
    sessions[session_count] = (struct session){0};
    call(&rpcs[session_count % (uint64_t)rpc_count], "session.create", parameters);
    if (i % 64 == 63) wait_for_input(0);
  }
  wait_for_answers(before + count);
  printf("{\"errors\":%llu,\"first_error\":\"%s\"}\n", (unsigned long long)errors, first_error);
}

static void detach(void) {
  uint64_t wanted = answered + session_count - detached_count;
  for (uint64_t i = detached_count; i < session_count; i++) {
    char parameters[64];
    snprintf(parameters, sizeof parameters, "\"sessionId\":\"bench-%08llu\"", (unsigned long long)i);
    call(&rpcs[i % (uint64_t)rpc_count], "session.detach", parameters);
    if (i % 64 == 63) wait_for_input(0);
  }
  detached_count = session_count;
  wait_for_answers(wanted);
  printf("{\"errors\":%llu,\"first_error\":\"%s\"}\n", (unsigned long long)errors, first_error);
}

static void begin_run(double per_session, double warmup, double seconds) {
  double rate = per_session * (double)session_count;
  free(run.by_second);
  free(run.waiting);
  free(has_arrived);
  run = (struct run){.first_report = report_count, .interval = (uint64_t)(1e9 / rate)};
  run.count = (uint64_t)((warmup + seconds) * 1e9) / run.interval;
  run.begun = now() + SECOND / 10;
  run.from = run.begun + (uint64_t)(warmup * 1e9);
  run.until = run.from + (uint64_t)(seconds * 1e9);
  run.by_second = calloc((size_t)seconds + 1, sizeof *run.by_second);
  run.waiting = calloc((size_t)(seconds * 1e9) / SAMPLE_EVERY + 1, sizeof *run.waiting);
  has_arrived = calloc(run.count, 1);
  report_count += run.count;
  delivered = 0;
  errors = 0;
  first_error[0] = 0;
}

/* Events that should have been here by now. */
static uint64_t waiting_at(uint64_t time) {
  if (time < run.begun) return 0;
  uint64_t due_by_now = (time - run.begun) / run.interval + 1;
  if (due_by_now > run.count) due_by_now = run.count;
  return due_by_now * EVENTS_PER_REPORT - delivered;
}

static void watch_queue(uint64_t time) {
  while (time >= run.from + run.samples * SAMPLE_EVERY && run.from + run.samples * SAMPLE_EVERY < run.until) {
    run.waiting[run.samples++] = waiting_at(time);
  }
}

static uint64_t nanoseconds_to_next(uint64_t time) {
  uint64_t next = run.from + run.samples * SAMPLE_EVERY;
  if (idle_count > 0 && run.sent < run.count && due(run.first_report + run.sent) < next) {
    next = due(run.first_report + run.sent);
  }
  return next > time ? next - time : run.sent < run.count ? 0 : SAMPLE_EVERY;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static uint64_t median(const uint64_t *samples, size_t count) {
  if (count == 0) return 0;
  uint64_t *sorted = malloc(count * sizeof *sorted);
  memcpy(sorted, samples, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, compare);
  uint64_t found = sorted[count / 2];
  free(sorted);
  return found;
}

static double processor_seconds(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec)
    + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void print_run(double seconds, double used) {
  size_t quarter = run.samples / 4, last = (size_t)seconds - 1;
  uint64_t most = 0;
  for (size_t i = 0; i < run.samples; i++) most = run.waiting[i] > most ? run.waiting[i] : most;
  printf(
    "{\"offered\":%.1f,\"events\":%llu,\"seconds\":%.3f,\"all_events\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,",
    1e9 / (double)run.interval * EVENTS_PER_REPORT, (unsigned long long)run.delivered_in_time, seconds,
    (unsigned long long)delivered, quantile_microseconds(&run.all, 0.5), quantile_microseconds(&run.all, 0.99));
  printf(
    "\"first_second_p50_us\":%.1f,\"first_second_p99_us\":%.1f,\"last_second_p50_us\":%.1f,"
    "\"last_second_p99_us\":%.1f,",
    quantile_microseconds(&run.by_second[0], 0.5), quantile_microseconds(&run.by_second[0], 0.99),
    quantile_microseconds(&run.by_second[last], 0.5), quantile_microseconds(&run.by_second[last], 0.99));
  printf(
    "\"waiting_first_quarter\":%llu,\"waiting_last_quarter\":%llu,\"waiting_most\":%llu,\"received_bytes\":%llu,"
    "\"client_processor_seconds\":%.3f,\"errors\":%llu,\"first_error\":\"%s\"}\n",
    (unsigned long long)median(run.waiting, quarter),
    (unsigned long long)median(run.waiting + run.samples - quarter, quarter), (unsigned long long)most,
    (unsigned long long)run.bytes, used, (unsigned long long)errors, first_error);
}

static void spend(double per_session, double warmup, double seconds) {
  begin_run(per_session, warmup, seconds);
  double used = processor_seconds();
  uint64_t wanted = run.count * EVENTS_PER_REPORT, time = now();
  while ((delivered < wanted || idle_count < http_count || time < run.until) && time < run.until + DRAIN) {
    send_what_is_due(time);
    wait_for_input(nanoseconds_to_next(time));
    time = now();
    watch_queue(time);
  }
  if (delivered < wanted) {
    note_error("not every event arrived");
    errors += wanted - delivered - 1;
  }
  print_run(seconds, processor_seconds() - used);
}

/* MARK: the start */

static struct peer make_peer(bool is_rpc, int port) {
  size_t capacity = is_rpc ? RPC_CAPACITY : HTTP_CAPACITY;
  struct peer made = {.is_rpc = is_rpc, .socket = connect_to(port), .input = malloc(capacity), .capacity = capacity};
  if (!made.input) fail("malloc");
  return made;
}

/* A connection for each token of the list, one user's after the other. */
static void open_connections(int rpc_port, char *tokens) {
  epoll_set = epoll_create1(0);
  rpcs = calloc((size_t)rpc_count, sizeof *rpcs);
  https = calloc((size_t)http_count, sizeof *https);
  idle = calloc((size_t)http_count, sizeof *idle);
  for (int i = 0; i < rpc_count; i++) {
    char parameters[256];
    char *token = strsep(&tokens, ",");
    snprintf(parameters, sizeof parameters, "\"token\":\"%s\"", token ? token : "");
    rpcs[i] = make_peer(true, rpc_port);
    watch(&rpcs[i]);
    call(&rpcs[i], "connect", parameters);
  }
  for (int i = 0; i < http_count; i++) {
    https[i] = make_peer(false, http_port);
    watch(&https[i]);
    rest(&https[i]);
  }
  wait_for_answers((uint64_t)rpc_count);
}

static void take_step(char *line) {
  double per_session, warmup, seconds;
  unsigned long long count;
  if (sscanf(line, "open %llu", &count) == 1) return open_sessions(count);
  if (sscanf(line, "spend %lf %lf %lf", &per_session, &warmup, &seconds) == 3) {
    if (session_count > 0 && seconds >= 1 && seconds <= MAXIMUM_SECONDS) return spend(per_session, warmup, seconds);
  }
  if (strcmp(line, "detach\n") == 0) return detach();
  fprintf(stderr, "client: no such step: %s", line);
  exit(64);
}

int main(int count, char **arguments) {
  rpc_count = (int)NUMBER("connections", "50");
  http_count = (int)NUMBER("http-connections", "64");
  http_token = TEXT("token", "");
  http_port = (int)NUMBER("port", "0");
  open_connections((int)NUMBER("runtime-port", "0"), strdup(TEXT("tokens", "")));
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("{\"errors\":%llu,\"first_error\":\"%s\"}\n", (unsigned long long)errors, first_error);
  for (char line[256]; fgets(line, sizeof line, stdin);) {
    while (wait_for_input(0)) continue; /* what came, or went, while there was no step to take */
    take_step(line);
  }
  return 0;
}
