// Loads a DHT node on loopback, and plays the crowd that fills its table.
//
//   gcc -O2 -o dht_load dht_load.c
//   ./dht_load load PORT SECONDS WINDOW ping|find_node|get_peers|announce_peer
//   ./dht_load crowd PORT COUNT      COUNT nodes at 127.64.x.y:PORT that answer
//                                    until stdin ends; prints "up" first
//
// load prints one line of JSON: queries that were answered in a second, errors,
// datagrams lost, mean size of an answer in bytes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PACKET = 2048, MAX_TOKEN = 64, ID = 20 };

static uint64_t state = 0x9e3779b97f4a7c15ULL;

static uint64_t next_random(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

static void fill_random(uint8_t *out, size_t length) {
  for (size_t i = 0; i < length; i++) out[i] = (uint8_t)(next_random() >> 24);
}

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

typedef struct {
  uint8_t bytes[MAX_PACKET];
  size_t length;
} Packet;

static void put_text(Packet *p, const char *text) {
  size_t length = strlen(text);
  memcpy(p->bytes + p->length, text, length);
  p->length += length;
}

static void put_bytes(Packet *p, const uint8_t *bytes, size_t length) {
  char head[24];
  snprintf(head, sizeof head, "%zu:", length);
  put_text(p, head);
  memcpy(p->bytes + p->length, bytes, length);
  p->length += length;
}

// The byte string behind the last occurrence of a key; 0 when there is none.
static size_t find_string(const uint8_t *data, size_t length, const char *key,
                          const uint8_t **value) {
  size_t key_length = strlen(key), result = 0;
  const uint8_t *from = data, *end = data + length, *hit;
  while ((hit = memmem(from, (size_t)(end - from), key, key_length)) != NULL) {
    const uint8_t *at = hit + key_length;
    size_t size = 0;
    while (at < end && *at >= '0' && *at <= '9' && size < MAX_PACKET) {
      size = size * 10 + (size_t)(*at++ - '0');
    }
    if (at < end && *at == ':' && size <= (size_t)(end - at - 1)) {
      *value = at + 1;
      result = size;
    }
    from = hit + 1;
  }
  return result;
}

static struct sockaddr_in loopback(const char *host, int port) {
  struct sockaddr_in address = {0};
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = inet_addr(host);
  return address;
}

static int load(int port, double length, int window, const char *query) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in to = loopback("127.0.0.1", port);
  int buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) return perror("connect"), 1;
  struct timeval patience = {0, 200000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  uint8_t id[ID], token[MAX_TOKEN], hash[ID];
  size_t token_length = 0;
  fill_random(id, ID);
  fill_random(hash, ID);
  int announce = strcmp(query, "announce_peer") == 0;
  long answered = 0, errors = 0, lost = 0, bytes = 0;
  int waiting = 0;
  uint16_t transaction = 0;
  double start = seconds(), end = start + length, warm = start + length / 10;
  double counted_from = start;
  int warmed = 0;
  uint8_t in[MAX_PACKET];
  while (seconds() < end) {
    while (waiting < window) {
      Packet out = {.length = 0};
      uint8_t target[ID];
      fill_random(target, ID);
      const char *name = query;
      put_text(&out, "d1:ad2:id");
      put_bytes(&out, id, ID);
      if (strcmp(query, "find_node") == 0) {
        put_text(&out, "6:target");
        put_bytes(&out, target, ID);
      } else if (announce && token_length > 0) {
        put_text(&out, "9:info_hash");
        put_bytes(&out, hash, ID);
        put_text(&out, "4:porti6881e5:token");
        put_bytes(&out, token, token_length);
      } else if (announce || strcmp(query, "get_peers") == 0) {
        if (announce) name = "get_peers";
        put_text(&out, "9:info_hash");
        put_bytes(&out, announce ? hash : target, ID);
      }
      put_text(&out, "e1:q");
      put_bytes(&out, (const uint8_t *)name, strlen(name));
      put_text(&out, "1:t2:");
      transaction++;
      memcpy(out.bytes + out.length, &transaction, 2);
      out.length += 2;
      put_text(&out, "1:y1:qe");
      if (send(fd, out.bytes, out.length, 0) < 0) break;
      waiting++;
      if (announce && token_length == 0) break;
    }
    ssize_t got = recv(fd, in, sizeof in, 0);
    if (got < 0) {
      lost += waiting;
      waiting = 0;
      continue;
    }
    if (memmem(in, (size_t)got, "1:y1:q", 6) != NULL) continue;  // it asks us
    waiting--;
    if (announce && token_length == 0) {
      const uint8_t *value;
      size_t size = find_string(in, (size_t)got, "5:token", &value);
      if (size > 0 && size <= MAX_TOKEN) {
        memcpy(token, value, size);
        token_length = size;
      }
      continue;
    }
    if (!warmed) {
      if (seconds() < warm) continue;
      warmed = 1;
      counted_from = seconds();
    }
    answered++;
    bytes += got;
    if (memmem(in, (size_t)got, "1:y1:e", 6) != NULL) errors++;
  }
  double took = seconds() - counted_from;
  printf("{\"query\":\"%s\",\"perSecond\":%.0f,\"errors\":%ld,\"lost\":%ld,\"meanBytes\":%ld}\n",
         query, (double)answered / took, errors, lost, answered ? bytes / answered : 0);
  close(fd);
  return 0;
}

static int crowd(int port, int count) {
  struct rlimit limit = {(rlim_t)count + 64, (rlim_t)count + 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  int poller = epoll_create1(0);
  uint8_t(*ids)[ID] = calloc((size_t)count, ID);
  int *sockets = calloc((size_t)count, sizeof(int));
  for (int i = 0; i < count; i++) {
    char host[32];
    // One address in each /24, as tables ask for.
    snprintf(host, sizeof host, "127.%d.%d.1", 64 + i / 250, 1 + i % 250);
    struct sockaddr_in own = loopback(host, port);
    sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&own, sizeof own) != 0) {
      return perror("bind"), 1;
    }
    fill_random(ids[i], ID);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(poller, EPOLL_CTL_ADD, sockets[i], &event);
  }
  struct epoll_event input = {.events = EPOLLIN, .data.u32 = UINT32_MAX};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &input);
  printf("up\n");
  fflush(stdout);
  struct epoll_event events[64];
  uint8_t in[MAX_PACKET];
  while (1) {
    int ready = epoll_wait(poller, events, 64, -1);
    for (int e = 0; e < ready; e++) {
      uint32_t index = events[e].data.u32;
      if (index == UINT32_MAX) {
        char sink[64];
        if (read(0, sink, sizeof sink) <= 0) return 0;
        continue;
      }
      struct sockaddr_in from;
      socklen_t from_length = sizeof from;
      ssize_t got = recvfrom(sockets[index], in, sizeof in, 0,
                             (struct sockaddr *)&from, &from_length);
      if (got < 0 || memmem(in, (size_t)got, "1:y1:q", 6) == NULL) continue;
      const uint8_t *transaction;
      size_t size = find_string(in, (size_t)got, "1:t", &transaction);
      if (size == 0 || size > 32) continue;
      Packet out = {.length = 0};
      put_text(&out, "d1:rd2:id");
      put_bytes(&out, ids[index], ID);
      put_text(&out, "5:nodes0:e1:t");
      put_bytes(&out, transaction, size);
      put_text(&out, "1:y1:re");
      sendto(sockets[index], out.bytes, out.length, 0, (struct sockaddr *)&from, from_length);
    }
  }
}

int main(int count, char **words) {
  if (count == 6 && strcmp(words[1], "load") == 0) {
    return load(atoi(words[2]), atof(words[3]), atoi(words[4]), words[5]);
  }
  if (count == 4 && strcmp(words[1], "crowd") == 0) {
    return crowd(atoi(words[2]), atoi(words[3]));
  }
  fprintf(stderr, "See the head of dht_load.c\n");
  return 2;
}
