// Loads an HTTP tracker on loopback.
//
//   gcc -O2 -o http_load http_load.c
//   ./http_load PORT SECONDS CONNECTIONS TORRENTS keep|close
//
// Each connection announces, waits for the answer and announces again: on the
// same connection, or on a new one each time. Prints one line of JSON: answers
// a second, and connections that failed.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 256, MAX_ANSWER = 16384 };

struct client {
  char answer[MAX_ANSWER + 1];
  int length;
};

static struct client clients[MAX_CONNECTIONS];
static struct pollfd polls[MAX_CONNECTIONS];
static struct sockaddr_in server;
static uint32_t count = 0;

static double seconds_now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + 1e-9 * at.tv_nsec;
}

static int open_one(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  // Closes with a reset: ports are not kept back.
  struct linger linger = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
    perror("connect");
    exit(1);
  }
  return fd;
}

static void ask(int i, int torrents, int keep) {
  uint32_t torrent = count % (uint32_t)torrents;
  char text[1024];
  int n = snprintf(text, sizeof text, "GET /announce?info_hash=");
  for (int k = 0; k < 20; k++) {
    n += snprintf(text + n, sizeof text - n, "%%%02x", (uint8_t)((torrent >> (8 * (k & 3))) + 37 * k));
  }
  n += snprintf(text + n, sizeof text - n,
                "&peer_id=-XX0001-abcdefghijkl&port=%u&uploaded=0&downloaded=0&left=1"
                "&numwant=50&compact=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load/1\r\n"
                "Accept-Encoding: gzip\r\nConnection: %s\r\n\r\n",
                1024 + count / (uint32_t)torrents % 60000, keep ? "keep-alive" : "close");
  count++;
  clients[i].length = 0;
  if (write(polls[i].fd, text, n) != n) {
    perror("write");
    exit(1);
  }
}

static int is_whole(struct client *client) {
  client->answer[client->length] = 0;
  char *end = strstr(client->answer, "\r\n\r\n");
  char *length = strstr(client->answer, "ontent-length: ");
  if (end == NULL || length == NULL || length > end) return 0;
  return client->length >= end + 4 - client->answer + atoi(length + 15);
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  double seconds = atof(argv[2]);
  int connections = atoi(argv[3]), torrents = atoi(argv[4]);
  int keep = strcmp(argv[5], "keep") == 0;
  if (connections > MAX_CONNECTIONS) return 2;
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < connections; i++) {
    polls[i] = (struct pollfd){.fd = open_one(), .events = POLLIN};
    ask(i, torrents, keep);
  }
  double start = seconds_now();
  long answers = 0, failed = 0;
  while (seconds_now() - start < seconds) {
    poll(polls, connections, 1000);
    for (int i = 0; i < connections; i++) {
      if (polls[i].revents == 0) continue;
      struct client *client = &clients[i];
      int n = read(polls[i].fd, client->answer + client->length, MAX_ANSWER - client->length);
      if (n > 0) client->length += n;
      int whole = is_whole(client);
      if (whole) answers++;
      else if (n <= 0) failed++;
      if (!whole && n > 0) continue;
      if (!whole || !keep) {
        close(polls[i].fd);
        polls[i].fd = open_one();
      }
      ask(i, torrents, keep);
    }
  }
  printf("{\"rate\":%.0f,\"errors\":%ld}\n", answers / (seconds_now() - start), failed);
  return 0;
}
