import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { encodeText, tryFromHex } from "../../_shared/bytes.ts";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import { encodeBencode } from "../../bencode/mod.ts";
import {
  decodeHttpAnnounceResponse,
  decodeHttpScrapeResponse,
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  TrackerError,
} from "../../htracker/mod.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const permissions = "none";
vectorTest("http-tracker", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  const decode = () =>
    decodeHttpAnnounceResponse(bytes, { localTracker: true });
  if (vector.expected === "reject" || vector["failure"] !== undefined) {
    const error = assertThrows(decode, TrackerError);
    assertEquals(
      error.code,
      vector["failure"] === undefined ? "malformed" : "refused",
      vector.name,
    );
    if (vector["failure"]) assertEquals(error.message, vector["failure"]);
    return;
  }
  const response = decode();
  if (vector["peers"] !== undefined) {
    assertEquals(
      response.peers.map(formatEndpoint),
      vector["peers"] as string[],
      vector.name,
    );
  }
  assertEquals(response.externalIp, vector["external_ip"] as string);
  assert(
    response.intervalMs >= 60_000 && response.intervalMs <= 86_400_000,
  );
});

Deno.test({
  name: "announce responses: peers in the long form, names and bad ones",
  permissions,
  fn() {
    const body = encodeBencode({
      interval: 900,
      peers: [
        { ip: "peer.example", port: 1 },
        { ip: "2001:db8::1", port: 2, "peer id": "x".repeat(20) },
        { ip: "1.2.3.4", port: 0 },
        { ip: "1.2.3.4", port: 65536 },
        { ip: "1.2.3.4", port: 4 },
        { ip: "1.2.3.4", port: 4 },
        { ip: "::ffff:1.2.3.5", port: 4 },
        { ip: "not a name", port: 5 },
        { ip: "localhost", port: 5 },
        { ip: "x.localhost", port: 5 },
        { ip: "a".repeat(64) + ".example", port: 5 },
        { port: 5 },
        7,
      ],
    });
    const { peers } = decodeHttpAnnounceResponse(body);
    assertEquals(peers.map(formatEndpoint), [
      "peer.example:1",
      "[2001:db8::1]:2",
      "1.2.3.4:4",
      "1.2.3.5:4",
    ]);
    assertEquals(
      decodeHttpAnnounceResponse(body, { maxPeers: 2 }).peers.length,
      2,
    );
  },
});

Deno.test({
  name: "announce responses: peers that nobody can be are dropped",
  permissions,
  fn() {
    const compact = (...ips: number[][]) =>
      Uint8Array.from(ips.flatMap((ip) => [...ip, 0x1a, 0xe1]));
    const body = encodeBencode({
      peers: compact(
        [0, 0, 0, 0],
        [127, 0, 0, 1],
        [224, 0, 0, 1],
        [255, 255, 255, 255],
        [169, 254, 1, 1],
        [10, 0, 0, 1],
        [8, 8, 8, 8],
      ),
    });
    const hosts = (localTracker: boolean) =>
      decodeHttpAnnounceResponse(body, { localTracker }).peers.map((peer) =>
        peer.hostname
      );
    assertEquals(hosts(false), ["10.0.0.1", "8.8.8.8"]);
    assertEquals(hosts(true), [
      "127.0.0.1",
      "169.254.1.1",
      "10.0.0.1",
      "8.8.8.8",
    ]);
  },
});

Deno.test({
  name: "announce responses: intervals are clamped from both sides",
  permissions,
  fn() {
    const of = (interval: unknown) =>
      decodeHttpAnnounceResponse(
        encodeBencode({ interval: interval as number, "min interval": 1e9 }),
      );
    for (
      const [seconds, ms] of [
        [-5, 60_000],
        [0, 60_000],
        [59, 60_000],
        [61, 61_000],
        [86_400, 86_400_000],
        [86_401, 86_400_000],
        [Number.MAX_SAFE_INTEGER, 86_400_000],
        ["soon", 1_800_000],
      ]
    ) assertEquals(of(seconds).intervalMs, ms as number, String(seconds));
    assertEquals(of(1).minIntervalMs, 86_400_000);
    assertEquals(
      decodeHttpAnnounceResponse(encodeBencode({})).minIntervalMs,
      undefined,
    );
  },
});

Deno.test({
  name: "announce responses: external addresses as bytes and as text",
  permissions,
  fn() {
    const of = (ip: Uint8Array | string) =>
      decodeHttpAnnounceResponse(encodeBencode({ "external ip": ip }))
        .externalIp;
    assertEquals(of(new Uint8Array([1, 2, 3, 4])), "1.2.3.4");
    assertEquals(
      of(new Uint8Array(16).fill(0x20)),
      "2020:2020:2020:2020:2020:2020:2020:2020",
    );
    assertEquals(of("192.168.100.200"), "192.168.100.200");
    assertEquals(of("nonsense"), undefined);
    assertEquals(of(new Uint8Array(60)), undefined);
  },
});

Deno.test({
  name: "failures say when to ask again (BEP 31)",
  permissions,
  fn() {
    for (
      const [retry, ms] of [
        [5, 300_000],
        ["5", 300_000],
        ["never", Infinity],
        [0, 60_000],
        [1e12, 7 * 86_400_000],
        [-1, undefined],
        ["later", undefined],
        [undefined, undefined],
      ] as const
    ) {
      const error = assertThrows(
        () =>
          decodeHttpAnnounceResponse(
            encodeBencode({ "failure reason": "no", "retry in": retry }),
          ),
        TrackerError,
      );
      assertEquals([error.code, error.message, error.retryInMs], [
        "refused",
        "no",
        ms,
      ]);
    }
    const long = assertThrows(
      () => decodeHttpAnnounceResponse(encodeHttpFailure("x".repeat(9999))),
      TrackerError,
    );
    assertEquals(long.message.length, 500);
    assertThrows(
      () => decodeHttpScrapeResponse(encodeHttpFailure("no", "never")),
      TrackerError,
      "no",
    );
  },
});

Deno.test({
  name: "every prefix of an answer is malformed, and so are other values",
  permissions,
  fn() {
    const announce = encodeHttpAnnounceResponse({
      interval: 900,
      seeders: 1,
      leechers: 2,
      downloads: 3,
      peers4: new Uint8Array([1, 2, 3, 4, 5, 6]),
      peers6: new Uint8Array(18).fill(0x21),
    });
    const scrape = encodeHttpScrapeResponse([
      [new Uint8Array(20), { seeders: 1, leechers: 2, downloads: 3 }],
    ], 900);
    for (let length = 0; length < announce.length; length++) {
      const error = assertThrows(
        () => decodeHttpAnnounceResponse(announce.subarray(0, length)),
        TrackerError,
      );
      assertEquals(error.code, "malformed");
    }
    for (let length = 0; length < scrape.length; length++) {
      assertThrows(
        () => decodeHttpScrapeResponse(scrape.subarray(0, length)),
        TrackerError,
      );
    }
    for (const text of ["i1e", "le", "3:abc", "<html>", "d5:filesle"]) {
      assertThrows(
        () => decodeHttpScrapeResponse(encodeText(text)),
        TrackerError,
      );
    }
    assertThrows(
      () => decodeHttpAnnounceResponse(encodeText("d1:a" + "l".repeat(9))),
      TrackerError,
    );
  },
});

Deno.test({
  name: "answers survive encoding and decoding",
  permissions,
  fn() {
    const seed = 11;
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    for (let i = 0; i < 100; i++) {
      const peers4 = randomBytes(random, 6 * (i % 7));
      const peers6 = randomBytes(random, 18 * (i % 3));
      for (let at = 0; at < peers4.length; at += 6) peers4[at] = 8;
      for (let at = 0; at < peers6.length; at += 18) peers6[at] = 0x20;
      for (const compact of [true, false]) {
        const response = decodeHttpAnnounceResponse(
          encodeHttpAnnounceResponse({
            interval: 60 + i,
            seeders: i,
            leechers: 2 * i,
            downloads: 3 * i,
            peers4,
            peers6,
            externalIp: randomBytes(random, 4),
          }, compact),
        );
        assertEquals(response.intervalMs, (60 + i) * 1000);
        assertEquals(
          [response.seeders, response.leechers, response.downloads],
          [i, 2 * i, 3 * i],
        );
        const usable = (bytes: Uint8Array, size: number) => {
          const ports = new Set<string>();
          for (let at = 0; at < bytes.length; at += size) {
            const peer = bytes.subarray(at, at + size);
            if (peer[size - 1]! + peer[size - 2]! > 0) ports.add(peer.join());
          }
          return ports.size;
        };
        assertEquals(
          response.peers.length,
          usable(peers4, 6) + usable(peers6, 18),
        );
      }
    }
  },
});

Deno.test({
  name: "scrape responses: by hash, other keys and values left out",
  permissions,
  fn() {
    const found = decodeHttpScrapeResponse(
      encodeBencode({
        files: new Map<string, Record<string, number> | number>([
          ["a".repeat(20), { complete: 1, incomplete: 2, downloaded: 3 }],
          ["b".repeat(20), { complete: -1 }],
          ["c".repeat(19), { complete: 1 }],
          ["d".repeat(20), 7],
        ]),
      }),
    );
    assertEquals(
      [...found],
      [
        ["61".repeat(20), { seeders: 1, leechers: 2, downloads: 3 }],
        ["62".repeat(20), { seeders: 0, leechers: 0, downloads: 0 }],
      ],
    );
  },
});
