// Loads a UDP tracker on loopback as a crowd of clients does.
//
//   gcc -O2 -o tracker_load tracker_load.c
//   ./tracker_load PORT SECONDS WINDOW TORRENTS announce|scrape
//
// Eight sockets, each with WINDOW / 8 requests in flight, stand for clients
// behind one address. Connects first; every answer is matched by transaction
// id. Torrent i has the info-hash of tracker_bench.ts. Prints one line of JSON:
// answers a second, error answers, requests lost, mean size of an answer.
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SOCKETS = 8, SLOTS = 256, MAX_PACKET = 4096 };

struct client {
  int fd;
  uint8_t connection[8];
  // Transaction id and time of what is in flight; 0 for a free slot.
  uint32_t transaction[SLOTS];
  double sent[SLOTS];
  int in_flight;
};

static uint32_t state = 2463534242u;

static uint32_t next_random(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static double seconds_now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + 1e-9 * at.tv_nsec;
}

static void put32(uint8_t *to, uint32_t value) {
  value = htonl(value);
  memcpy(to, &value, 4);
}

static uint32_t get32(const uint8_t *from) {
  uint32_t value;
  memcpy(&value, from, 4);
  return ntohl(value);
}

static void info_hash(uint8_t *to, uint32_t torrent) {
  for (int i = 0; i < 20; i++) to[i] = (uint8_t)((torrent >> (8 * (i & 3))) + 37 * i);
}

static int open_client(struct client *c, int port) {
  static const uint8_t magic[8] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  memset(c, 0, sizeof *c);
  c->fd = socket(AF_INET, SOCK_DGRAM, 0);
  int room = 1 << 20;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) return -1;
  for (int attempt = 0; attempt < 100; attempt++) {
    uint8_t packet[MAX_PACKET] = {0};
    memcpy(packet, magic, 8);
    put32(packet + 12, 0x1000 + attempt);
    send(c->fd, packet, 16, 0);
    struct pollfd one = {.fd = c->fd, .events = POLLIN};
    if (poll(&one, 1, 100) == 1 && recv(c->fd, packet, sizeof packet, 0) >= 16) {
      memcpy(c->connection, packet + 8, 8);
      return 0;
    }
    usleep(100000);  // A port that is closed yet is refused at once.
  }
  return -1;
}

static void ask(struct client *c, int slot, uint32_t torrents, int scrape) {
  uint8_t packet[98] = {0};
  uint32_t transaction = next_random() & ~(uint32_t)(SLOTS - 1);
  transaction |= slot;
  if (transaction < SLOTS) transaction += SLOTS;
  memcpy(packet, c->connection, 8);
  put32(packet + 8, scrape ? 2 : 1);
  put32(packet + 12, transaction);
  info_hash(packet + 16, next_random() % torrents);
  if (!scrape) {
    uint32_t who = next_random();
    memcpy(packet + 36, "-XX0001-", 8);
    memcpy(packet + 44, &who, 4);
    packet[71] = (who & 3) == 0 ? 0 : 1;  // a quarter are seeds
    packet[83] = (who & 7) == 0 ? 2 : 0;  // an eighth have just started
    put32(packet + 88, who);
    put32(packet + 92, 30);
    packet[96] = 4 + (who >> 16) % 64;
    packet[97] = who >> 24;
  }
  c->transaction[slot] = transaction;
  c->sent[slot] = seconds_now();
  c->in_flight++;
  send(c->fd, packet, scrape ? 36 : 98, 0);
}

int main(int count, char **words) {
  if (count != 6) {
    fprintf(stderr, "usage: tracker_load PORT SECONDS WINDOW TORRENTS announce|scrape\n");
    return 2;
  }
  int port = atoi(words[1]);
  double length = atof(words[2]);
  int window = atoi(words[3]) / SOCKETS;
  uint32_t torrents = strtoul(words[4], NULL, 10);
  int scrape = strcmp(words[5], "scrape") == 0;
  if (window < 1) window = 1;
  if (window > SLOTS) window = SLOTS;
  static struct client clients[SOCKETS];
  struct pollfd polls[SOCKETS];
  for (int i = 0; i < SOCKETS; i++) {
    if (open_client(&clients[i], port) != 0) {
      fprintf(stderr, "the tracker does not answer\n");
      return 1;
    }
    polls[i] = (struct pollfd){.fd = clients[i].fd, .events = POLLIN};
  }
  long answers = 0, errors = 0, lost = 0;
  double bytes = 0, start = seconds_now(), end = start + length, now = start;
  while (now < end) {
    for (int i = 0; i < SOCKETS; i++) {
      struct client *c = &clients[i];
      for (int slot = 0; slot < window; slot++) {
        if (c->transaction[slot] != 0 && now - c->sent[slot] > 0.5) {
          c->transaction[slot] = 0;
          c->in_flight--;
          lost++;
        }
        if (c->transaction[slot] == 0) ask(c, slot, torrents, scrape);
      }
    }
    poll(polls, SOCKETS, 50);
    for (int i = 0; i < SOCKETS; i++) {
      struct client *c = &clients[i];
      uint8_t packet[MAX_PACKET];
      ssize_t got;
      while ((got = recv(c->fd, packet, sizeof packet, MSG_DONTWAIT)) >= 8) {
        // An echo has the transaction id where requests have it.
        uint32_t id = get32(packet + 4);
        int slot = id & (SLOTS - 1);
        if (slot >= window || c->transaction[slot] != id || id == 0) {
          if (got < 16) continue;
          id = get32(packet + 12);
          slot = id & (SLOTS - 1);
          if (slot >= window || c->transaction[slot] != id) continue;
        }
        c->transaction[slot] = 0;
        c->in_flight--;
        answers++;
        bytes += got;
        if (get32(packet) == 3) errors++;
      }
    }
    now = seconds_now();
  }
  printf("{\"rate\": %.0f, \"errors\": %ld, \"lost\": %ld, \"size\": %.0f}\n",
         answers / (now - start), errors, lost, answers ? bytes / answers : 0.0);
  return 0;
}
