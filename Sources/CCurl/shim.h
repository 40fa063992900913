#pragma once
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Swift cannot call what takes any number of arguments: one function for each kind of them. The
   parentheses keep libcurl's macros away, which check types at the place of use. */

static inline CURLcode ccurl_set_long(CURL *easy, CURLoption option, long value) {
  return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode ccurl_set_offset(CURL *easy, CURLoption option, curl_off_t value) {
  return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, const void *value) {
  return (curl_easy_setopt)(easy, option, value);
}

static inline CURLcode ccurl_set_receiver(
    CURL *easy, CURLoption option, curl_write_callback receiver) {
  return (curl_easy_setopt)(easy, option, receiver);
}

static inline CURLcode ccurl_get_long(CURL *easy, CURLINFO info, long *value) {
  return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLcode ccurl_get_offset(CURL *easy, CURLINFO info, curl_off_t *value) {
  return (curl_easy_getinfo)(easy, info, value);
}

static inline CURLMcode ccurl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return (curl_multi_setopt)(multi, option, value);
}

/* Both report to `context`; without the functions nothing is reported any more. */
static inline CURLMcode ccurl_multi_report(
    CURLM *multi, curl_socket_callback onSocket, curl_multi_timer_callback onTimer, void *context) {
  CURLMcode code = (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, onSocket);
  if (code == CURLM_OK) code = (curl_multi_setopt)(multi, CURLMOPT_SOCKETDATA, context);
  if (code == CURLM_OK) code = (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, onTimer);
  if (code == CURLM_OK) code = (curl_multi_setopt)(multi, CURLMOPT_TIMERDATA, context);
  return code;
}

/* Asks `open` for each socket, and `ready` before a request goes out over a new or a kept connection. */
static inline CURLcode ccurl_set_gates(
    CURL *easy, curl_opensocket_callback open, curl_prereq_callback ready, void *context) {
  CURLcode code = (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETFUNCTION, open);
  if (code == CURLE_OK) code = (curl_easy_setopt)(easy, CURLOPT_OPENSOCKETDATA, context);
  if (code == CURLE_OK) code = (curl_easy_setopt)(easy, CURLOPT_PREREQFUNCTION, ready);
  if (code == CURLE_OK) code = (curl_easy_setopt)(easy, CURLOPT_PREREQDATA, context);
  return code;
}

static inline curl_socket_t ccurl_open_socket(const struct curl_sockaddr *to) {
  return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Writes an address of 4 or 16 bytes and its port; answers how many bytes, 0 for another family. */
static inline int ccurl_get_address(
    const struct curl_sockaddr *from, unsigned char bytes[16], unsigned short *port) {
  if (from->family == AF_INET) {
    struct sockaddr_in address;
    memcpy(&address, &from->addr, sizeof address);
    memcpy(bytes, &address.sin_addr, 4);
    *port = ntohs(address.sin_port);
    return 4;
  }
  if (from->family == AF_INET6) {
    struct sockaddr_in6 address;
    memcpy(&address, &from->addr, sizeof address);
    memcpy(bytes, &address.sin6_addr, 16);
    *port = ntohs(address.sin6_port);
    return 16;
  }
  return 0;
}

/* Reads an address as people write it; answers how many bytes it has, 0 where it is none. */
static inline int ccurl_read_address(const char *text, unsigned char bytes[16]) {
  if (inet_pton(AF_INET, text, bytes) == 1) return 4;
  return inet_pton(AF_INET6, text, bytes) == 1 ? 16 : 0;
}

/* Whether the address is one of this machine: only to those a socket can be bound. */
static inline int ccurl_is_own_address(const unsigned char *bytes, int count) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6};
  struct sockaddr_in four = {.sin_family = AF_INET};
  int descriptor = socket(count == 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return 0;
  memcpy(count == 4 ? (void *)&four.sin_addr : (void *)&six.sin6_addr, bytes, count);
  int result = count == 4 ? bind(descriptor, (struct sockaddr *)&four, sizeof four)
                          : bind(descriptor, (struct sockaddr *)&six, sizeof six);
  close(descriptor);
  return result == 0;
}
