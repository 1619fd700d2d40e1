/* The recording server's inner loop. Its cost is part of every candidate's cycle and pulls all
 * ratios towards 1, so it does nothing but read, stamp and write. server.py says the same in
 * Python, and is used where there is no compiler.
 */
#define _GNU_SOURCE
#include <poll.h>
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

/* A request, as far as it has come. `need` is 0 until its head is there. */
struct request {
    char *buffer;
    size_t capacity, have, need;
};

/* Read once. Return 1 if the request is complete, 0 if not yet, -1 if it never will be. */
static int receive_some(int fd, struct request *request) {
    ssize_t size = read(fd, request->buffer + request->have, request->capacity - request->have);
    if (size <= 0)
        return -1;
    request->have += size;
    char *end = request->need ? NULL : memmem(request->buffer, request->have, "\r\n\r\n", 4);
    if (end) {
        *end = 0;
        char *length = strcasestr(request->buffer, "\r\ncontent-length:");
        request->need = end + 4 - request->buffer + (length ? strtoul(length + 17, NULL, 10) : 0);
        if (request->need > request->capacity)
            return -1;
    }
    return request->need && request->have >= request->need;
}

/* Read one request into `buffer`, in as many pieces as it comes. Return 0, or -1 if it does not. */
static int receive(int fd, char *buffer, size_t capacity) {
    struct request request = {buffer, capacity, 0, 0};
    int done;
    while (!(done = receive_some(fd, &request)))
        ;
    return done < 0 ? -1 : 0;
}

static int is_response(const char *head) {
    return !strncmp(head, "POST ", 5) && strstr(head, "/response HTTP/1.1\r\n");
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
            !is_response(buffer) || send_all(fd, accepted, accepted_size) ||
            receive(fd, buffer, capacity) || strncmp(buffer, "GET ", 4))
            return -1;
        *++stamps = now();
    }
    return 0;
}

/* Answer a waiting GET /next once and throw the streamed response away. `stamps` gets when the
 * event was sent, when the first bytes of the body came and when the last. Return how many bytes
 * the chunks held, or -1 if it was no such response.
 */
int64_t drain(int fd, const char *event, size_t event_size, char *buffer, size_t capacity,
              int64_t *stamps) {
    stamps[0] = now();
    if (send_all(fd, event, event_size))
        return -1;
    size_t have = 0;
    char *body = NULL;
    while (!body || body == buffer + have) {
        ssize_t size = read(fd, buffer + have, capacity - have);
        if (size <= 0)
            return -1;
        have += size;
        if (!body && (body = memmem(buffer, have, "\r\n\r\n", 4))) {
            *body = 0;
            body += 4;
        }
    }
    stamps[1] = now();
    if (!is_response(buffer) || !strcasestr(buffer, "\r\ntransfer-encoding: chunked"))
        return -1;

    char line[256];
    size_t length = 0, skip = 0, left = buffer + have - body;
    int64_t total = 0;
    for (int last = 0;;) {
        while (left) {
            if (skip) {
                size_t size = skip < left ? skip : left;
                body += size, left -= size, skip -= size;
                continue;
            }
            left--;
            if (*body++ != '\n') {
                if (length < sizeof line - 1)
                    line[length++] = body[-1];
                continue;
            }
            line[length] = 0;
            if (last && length <= 1) {
                stamps[2] = now();
                return total;
            }
            length = 0;
            if (!last) {
                size_t size = strtoul(line, NULL, 16);
                total += size;
                last = !size;
                skip = last ? 0 : size + 2;
            }
        }
        ssize_t size = read(fd, buffer, capacity);
        if (size <= 0)
            return -1;
        body = buffer;
        left = size;
    }
}

#define WORKERS 64
#define SILENCE_MS 30000

/* Keep several workers busy, each of which waits for GET /next to be answered on a connection of
 * its own: every one gets its next event as soon as it asks, for `duration` nanoseconds. Then all
 * wait again. Return the number of invocations, or -1; `elapsed` gets how long they took.
 */
int64_t serve_all(const int *fds, int workers, const char *event, size_t event_size,
                  const char *accepted, size_t accepted_size, int64_t duration, int64_t *elapsed) {
    static char buffers[WORKERS][16384];
    struct request requests[WORKERS];
    struct pollfd ready[WORKERS];
    int answered[WORKERS] = {0}, busy = workers;
    if (workers > WORKERS)
        return -1;
    int64_t begin = now(), invocations = 0;
    for (int i = 0; i < workers; i++) {
        requests[i] = (struct request){buffers[i], sizeof buffers[i], 0, 0};
        ready[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        if (send_all(fds[i], event, event_size))
            return -1;
    }
    while (busy) {
        if (poll(ready, workers, SILENCE_MS) <= 0)
            return -1;
        for (int i = 0; i < workers; i++) {
            if (!ready[i].revents)
                continue;
            int done = receive_some(fds[i], &requests[i]);
            if (done < 0)
                return -1;
            if (!done)
                continue;
            requests[i].have = requests[i].need = 0;
            if (!answered[i]) {
                if (!is_response(buffers[i]) || send_all(fds[i], accepted, accepted_size))
                    return -1;
                invocations++;
                answered[i] = 1;
            } else if (strncmp(buffers[i], "GET ", 4)) {
                return -1;
            } else if (now() - begin < duration) {
                if (send_all(fds[i], event, event_size))
                    return -1;
                answered[i] = 0;
            } else {
                busy--;
            }
        }
    }
    *elapsed = now() - begin;
    return invocations;
}
