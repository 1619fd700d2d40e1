/* The recording server's inner loop. Its cost is part of every candidate's cycle and pulls all
 * ratios towards 1, so it does nothing but read, stamp and write. server.py says the same in
 * Python, and is used where there is no compiler.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The clock of Python's time.perf_counter_ns(). */
static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Read one request into `buffer`, in as many pieces as it comes. Return 0, or -1 if it does not. */
static int receive(int fd, char *buffer, size_t capacity) {
    size_t have = 0, need = 0;
    while (!need || have < need) {
        ssize_t size = read(fd, buffer + have, capacity - have);
        if (size <= 0)
            return -1;
        have += size;
        char *end = need ? NULL : memmem(buffer, have, "\r\n\r\n", 4);
        if (end) {
            *end = 0;
            char *length = strcasestr(buffer, "\r\ncontent-length:");
            need = end + 4 - buffer + (length ? strtoul(length + 17, NULL, 10) : 0);
            if (need > capacity)
                return -1;
        }
    }
    return 0;
}

static int send_all(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t sent = write(fd, data, size);
        if (sent < 0)
            return -1;
        data += sent;
        size -= sent;
    }
    return 0;
}

/* Answer a waiting GET /next with the event, `count` times; `stamps` has room for count + 1.
 * Return 0; or -1 if the runtime went away, fell silent or posted anything but a response.
 */
int serve(int fd, const char *event, size_t event_size, const char *accepted, size_t accepted_size,
          char *buffer, size_t capacity, int count, int64_t *stamps) {
    *stamps = now();
    while (count--) {
        if (send_all(fd, event, event_size) || receive(fd, buffer, capacity) ||
            strncmp(buffer, "POST ", 5) || !strstr(buffer, "/response HTTP/1.1\r\n") ||
            send_all(fd, accepted, accepted_size) || receive(fd, buffer, capacity) ||
            strncmp(buffer, "GET ", 4))
            return -1;
        *++stamps = now();
    }
    return 0;
}
