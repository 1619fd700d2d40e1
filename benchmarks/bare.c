/* The limit: a "runtime" that sends back the bytes it received. It knows no JSON, no handler and
 * no error; nothing that answers to the Runtime API over HTTP can have a shorter cycle.
 *
 * With an argument it streams: chunks of 64 KiB, as many as the first number in the event says.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ID "Lambda-Runtime-Aws-Request-Id: "
#define LENGTH "Content-Length: "
#define PIECE 65536

static char message[8 << 20], chunk[7 + PIECE + 2];

struct reply {
    char *id, *body;
    size_t id_size, body_size;
};

/* Read one HTTP response. The server is ours: it names its headers as the macros above do. */
static struct reply receive(int fd) {
    struct reply reply = {0};
    size_t have = 0, need = sizeof message;
    while (have < need) {
        ssize_t size = read(fd, message + have, sizeof message - have);
        if (size <= 0)
            exit(size < 0);
        have += size;
        char *end = reply.body ? NULL : memmem(message, have, "\r\n\r\n", 4);
        if (end) {
            *end = 0;
            reply.body = end + 4;
            reply.body_size = strtoul(strstr(message, LENGTH) + strlen(LENGTH), NULL, 10);
            need = reply.body - message + reply.body_size;
            if ((reply.id = strstr(message, ID)))
                reply.id_size = strcspn(reply.id += strlen(ID), "\r");
        }
    }
    return reply;
}

/* Send two pieces in one segment, if they fit in one. */
static void send_all(int fd, char *head, size_t head_size, char *body, size_t body_size) {
    struct iovec pieces[2] = {{head, head_size}, {body, body_size}};
    while (pieces[0].iov_len + pieces[1].iov_len) {
        ssize_t size = writev(fd, pieces, 2);
        if (size < 0)
            exit(1);
        for (int i = 0; i < 2; i++) {
            size_t taken = (size_t)size < pieces[i].iov_len ? (size_t)size : pieces[i].iov_len;
            pieces[i].iov_base = (char *)pieces[i].iov_base + taken;
            pieces[i].iov_len -= taken;
            size -= taken;
        }
    }
}

/* Post what pieces.py yields, framed as the runtime frames it. */
static void stream(int fd, const char *api, struct reply event) {
    char post[512];
    int post_size = snprintf(post, sizeof post,
        "POST /2018-06-01/runtime/invocation/%.*s/response HTTP/1.1\r\nHost: %s\r\n"
        "Content-Type: application/octet-stream\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n",
        (int)event.id_size, event.id, api);
    unsigned long count = strtoul(event.body + strcspn(event.body, "0123456789"), NULL, 10);
    for (; count; count--, post_size = 0)
        send_all(fd, post, post_size, chunk, sizeof chunk);
    send_all(fd, post, post_size, "0\r\n\r\n", 5);
}

int main(int argc, char **argv) {
    (void)argv;
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API"), *port = api ? strchr(api, ':') : NULL;
    if (!port)
        return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port + 1))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        return 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + 7 + PIECE, "\r\n", 2);
    char next[256], post[512];
    int next_size = snprintf(next, sizeof next,
        "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: %s\r\n\r\n", api);
    for (;;) {
        send_all(fd, next, next_size, NULL, 0);
        struct reply event = receive(fd);
        if (argc > 1) {
            stream(fd, api, event);
            receive(fd);
            continue;
        }
        int post_size = snprintf(post, sizeof post,
            "POST /2018-06-01/runtime/invocation/%.*s/response HTTP/1.1\r\nHost: %s\r\n"
            "Content-Type: application/json\r\n" LENGTH "%zu\r\n\r\n",
            (int)event.id_size, event.id, api, event.body_size);
        send_all(fd, post, post_size, event.body, event.body_size);
        receive(fd);
    }
}
