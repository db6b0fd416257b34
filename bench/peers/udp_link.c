// A wide-area link for datagrams between ports of loopback: delay, rate, queue
// and random loss, the same in both directions. With the same SEED the same packets of
// each direction are lost.
// gcc -O2 -o udp_link udp_link.c
// ./udp_link PORT DELAY_MS MBIT QUEUE_KIB LOSS_PERCENT SEED
// Who sends to the port that is printed talks to 127.0.0.1:PORT. Ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SLOTS 65536
#define CLIENTS 64
#define HEADERS 28

struct packet {
  uint64_t due;
  int socket, length;
  struct sockaddr_in to;
  unsigned char *data;
};
struct way {
  uint64_t free_at;
  uint32_t head, tail;
  unsigned short random[3];
  struct packet *ring;
};
static double bytes_per_ns, loss;
static uint64_t delay, queue;

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int open_socket(struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = 4 << 20;
  socklen_t length = sizeof *address;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  if (fd < 0 || bind(fd, (void *)address, length)) {
    perror("bind");
    exit(1);
  }
  getsockname(fd, (void *)address, &length);
  return fd;
}

static void put(struct way *w, int fd, struct sockaddr_in to, unsigned char *data, int length) {
  uint64_t now = now_ns(), at = w->free_at > now ? w->free_at : now;
  if ((at - now) * bytes_per_ns + length > queue || w->head - w->tail == SLOTS) return;
  at += (length + HEADERS) / bytes_per_ns;
  w->free_at = at;
  if (erand48(w->random) < loss) return;
  struct packet *p = &w->ring[w->head++ % SLOTS];
  *p = (struct packet){at + delay, fd, length, to, malloc(length)};
  memcpy(p->data, data, length);
}

static uint64_t give(struct way *w) {
  while (w->head != w->tail) {
    struct packet *p = &w->ring[w->tail % SLOTS];
    if (p->due > now_ns()) return p->due;
    sendto(p->socket, p->data, p->length, 0, (void *)&p->to, sizeof p->to);
    free(p->data);
    w->tail++;
  }
  return UINT64_MAX;
}

int main(int c, char **a) {
  if (c != 7) return fprintf(stderr, "usage: udp_link PORT DELAY_MS MBIT QUEUE_KIB LOSS_PERCENT SEED\n"), 2;
  struct sockaddr_in target = {AF_INET, htons(atoi(a[1])), {htonl(INADDR_LOOPBACK)}};
  delay = atof(a[2]) * 1e6;
  bytes_per_ns = atof(a[3]) / 8e3;
  queue = atof(a[4]) * 1024;
  loss = atof(a[5]) / 100;
  struct way ways[2] = {{0}, {0}};
  for (int i = 0; i < 2; i++) {
    ways[i].ring = calloc(SLOTS, sizeof(struct packet));
    ways[i].random[0] = atoi(a[6]);
    ways[i].random[1] = i;
    // The first numbers of near seeds are near each other.
    for (int n = 0; n < 9; n++) erand48(ways[i].random);
  }
  struct sockaddr_in front = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, clients[CLIENTS];
  struct pollfd fds[CLIENTS + 1] = {{open_socket(&front), POLLIN, 0}};
  int count = 0;
  printf("{\"type\":\"listening\",\"port\":%d}\n", ntohs(front.sin_port));
  fflush(stdout);
  for (;;) {
    uint64_t next = give(&ways[0]), other = give(&ways[1]), now = now_ns();
    if (other < next) next = other;
    uint64_t wait = next == UINT64_MAX ? 1000000000 : next > now ? next - now : 0;
    struct timespec t = {wait / 1000000000, wait % 1000000000};
    if (ppoll(fds, count + 1, &t, 0) < 1) continue;
    unsigned char data[65536];
    for (int i = 0; i <= count; i++) {
      if (!(fds[i].revents & POLLIN)) continue;
      for (int n = 0; n < 64; n++) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        int length = recvfrom(fds[i].fd, data, sizeof data, 0, (void *)&from, &size);
        if (length < 0) break;
        if (i > 0) {
          put(&ways[1], fds[0].fd, clients[i - 1], data, length);
          continue;
        }
        int k = 0;
        while (k < count && clients[k].sin_port != from.sin_port) k++;
        if (k == CLIENTS) continue;
        if (k == count) {
          struct sockaddr_in own = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
          clients[count++] = from;
          fds[count] = (struct pollfd){open_socket(&own), POLLIN, 0};
        }
        put(&ways[0], fds[k + 1].fd, target, data, length);
      }
    }
  }
}
