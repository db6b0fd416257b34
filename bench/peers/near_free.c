// Peers that cost next to nothing, on loopback: what is left is the cost of
// the one they are connected to.
//
//   gcc -O2 -pthread -o near_free near_free.c
//   ./near_free idle INFOHASH PORT COUNT  COUNT peers, each with an address of
//                                         its own, that have nothing and want
//                                         nothing; prints "up" when all are
//                                         through the handshake
//   ./near_free seed INFOHASH FILE PIECE_LENGTH
//                                         prints the port it listens on
//
// Either runs until stdin ends.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HANDSHAKE = 68, MAX_REQUESTS = 4096, MAX_BLOCK = 1 << 17 };

static uint8_t info_hash[20];

static uint32_t get32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value) {
  for (int i = 0; i < 4; i++) p[i] = value >> (24 - 8 * i);
}

static int write_all(int fd, const void *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t count = write(fd, (const uint8_t *)bytes + at, length - at);
    if (count <= 0) return -1;
    at += count;
  }
  return 0;
}

static int read_all(int fd, void *bytes, size_t length) {
  for (size_t at = 0; at < length;) {
    ssize_t count = read(fd, (uint8_t *)bytes + at, length - at);
    if (count <= 0) return -1;
    at += count;
  }
  return 0;
}

/** Fast extension and, where wanted, extension protocol. */
static void handshake(uint8_t *out, uint32_t number, int extended) {
  memset(out, 0, HANDSHAKE);
  out[0] = 19;
  memcpy(out + 1, "BitTorrent protocol", 19);
  out[25] = extended ? 0x10 : 0;
  out[27] = 4;
  memcpy(out + 28, info_hash, 20);
  char id[21];
  snprintf(id, sizeof id, "-NF0001-%012u", number);
  memcpy(out + 48, id, 20);
}

static int no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static struct sockaddr_in loopback(uint32_t host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(host);
  return address;
}

static int connect_idle(uint32_t number, int port) {
  static const char *dictionary =
      "d1:md11:lt_donthavei7e11:ut_metadatai2e6:ut_pexi1ee4:reqqi500e"
      "1:v14:near free 1.0e";
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  // One address each: two of a host are one too many.
  struct sockaddr_in from = loopback(0x7f400000u + 256 * number + 1, 0);
  struct sockaddr_in to = loopback(INADDR_LOOPBACK, port);
  if (fd < 0 || bind(fd, (void *)&from, sizeof from) ||
      connect(fd, (void *)&to, sizeof to)) return -1;
  no_delay(fd);
  uint8_t out[512], in[HANDSHAKE];
  handshake(out, number, 1);
  size_t at = HANDSHAKE, length = strlen(dictionary);
  put32(out + at, 2 + length);
  out[at + 4] = 20;
  out[at + 5] = 0;
  memcpy(out + at + 6, dictionary, length);
  at += 6 + length;
  const uint8_t rest[] = {0, 0, 0, 1, 15, 0, 0, 0, 1, 3};  // have none, no interest
  memcpy(out + at, rest, sizeof rest);
  if (write_all(fd, out, at + sizeof rest) || read_all(fd, in, HANDSHAKE)) {
    return -1;
  }
  return fd;
}

/** Reads and forgets. */
static int idle(int port, int count) {
  struct rlimit limit = {count + 64, count + 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  int poll = epoll_create1(0);
  struct epoll_event watch = {.events = EPOLLIN, .data.fd = 0};
  epoll_ctl(poll, EPOLL_CTL_ADD, 0, &watch);
  for (int i = 0; i < count; i++) {
    int fd = connect_idle(i, port);
    if (fd < 0) return 1;
    watch.data.fd = fd;
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &watch);
  }
  puts("up");
  fflush(stdout);
  static uint8_t in[1 << 16];
  struct epoll_event ready[256];
  for (;;) {
    int n = epoll_wait(poll, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      if (read(ready[i].data.fd, in, sizeof in) > 0) continue;
      if (ready[i].data.fd == 0) return 0;
      close(ready[i].data.fd);
    }
  }
}

static uint8_t *content;
static uint64_t size;
static uint32_t piece_length;

static int write_vectors(int fd, struct iovec *v, int n) {
  while (n > 0) {
    ssize_t count = writev(fd, v, n > 1024 ? 1024 : n);
    if (count <= 0) return -1;
    for (; n > 0 && (size_t)count >= v->iov_len; n--) count -= v++->iov_len;
    if (n > 0) {
      v->iov_base = (uint8_t *)v->iov_base + count;
      v->iov_len -= count;
    }
  }
  return 0;
}

/** Answers requests with parts of the mapped file. */
static void serve(int fd) {
  static __thread uint8_t in[1 << 16], heads[MAX_REQUESTS][13];
  static __thread struct iovec v[2 * MAX_REQUESTS];
  uint8_t out[HANDSHAKE + 10];
  if (read_all(fd, in, HANDSHAKE) || memcmp(in + 28, info_hash, 20)) return;
  handshake(out, 999999, 0);
  const uint8_t rest[] = {0, 0, 0, 1, 14, 0, 0, 0, 1, 1};  // have all, unchoke
  memcpy(out + HANDSHAKE, rest, sizeof rest);
  if (write_all(fd, out, sizeof out)) return;
  for (size_t have = 0;;) {
    ssize_t count = read(fd, in + have, sizeof in - have);
    if (count <= 0) return;
    have += count;
    size_t at = 0;
    int asked = 0;
    while (have - at >= 4) {
      uint32_t length = get32(in + at);
      if (length > sizeof in - 4) return;
      if (have - at < 4 + length) break;
      if (length == 13 && in[at + 4] == 6) {
        uint64_t from = (uint64_t)get32(in + at + 5) * piece_length + get32(in + at + 9);
        uint32_t block = get32(in + at + 13);
        if (block > MAX_BLOCK || from + block > size) return;
        put32(heads[asked], 9 + block);
        heads[asked][4] = 7;
        memcpy(heads[asked] + 5, in + at + 5, 8);
        v[2 * asked] = (struct iovec){heads[asked], 13};
        v[2 * asked + 1] = (struct iovec){content + from, block};
        asked++;
      }
      at += 4 + length;
    }
    if (write_vectors(fd, v, 2 * asked)) return;
    memmove(in, in + at, have -= at);
  }
}

static void *serve_thread(void *arg) {
  int fd = no_delay((int)(intptr_t)arg);
  serve(fd);
  close(fd);
  return NULL;
}

static void *accept_all(void *arg) {
  for (;;) {
    int fd = accept((int)(intptr_t)arg, NULL, NULL);
    pthread_t thread;
    if (fd >= 0 && !pthread_create(&thread, NULL, serve_thread, (void *)(intptr_t)fd)) {
      pthread_detach(thread);
    }
  }
  return NULL;
}

static int seed(const char *path) {
  int file = open(path, O_RDONLY);
  struct stat info;
  if (file < 0 || fstat(file, &info)) return 1;
  size = info.st_size;
  content = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = loopback(INADDR_LOOPBACK, 0);
  socklen_t length = sizeof address;
  if (content == MAP_FAILED || bind(listener, (void *)&address, sizeof address) ||
      listen(listener, 64) ||
      getsockname(listener, (void *)&address, &length)) return 1;
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  pthread_t thread;
  pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener);
  while (getchar() != EOF) {}
  return 0;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc != 5 || strlen(argv[2]) != 40) return 2;
  for (int i = 0; i < 20; i++) sscanf(argv[2] + 2 * i, "%2hhx", info_hash + i);
  if (!strcmp(argv[1], "idle")) return idle(atoi(argv[3]), atoi(argv[4]));
  piece_length = atoi(argv[4]);
  return seed(argv[3]);
}
