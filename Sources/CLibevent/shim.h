/* First, so that the C library settles its features before libevent asks for more of them:
   otherwise fd_set here differs from the one that Swift's Glibc module has. */
#include <sys/eventfd.h>

#include <event2/event.h>

#include <sys/socket.h>

/* The C library has it, but Swift's Glibc module is built without _GNU_SOURCE and does not show it. */
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
