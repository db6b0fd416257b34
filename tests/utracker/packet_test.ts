import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatEndpoint } from "../../_shared/address.ts";
import { toByteString, toHex, tryFromHex } from "../../_shared/bytes.ts";
import {
  randomBytes,
  randomInt,
  type RandomSource,
  seededRandom,
} from "../../_shared/random.ts";
import {
  encodeUdpTrackerRequest,
  encodeUdpTrackerResponse,
  parseUdpTrackerUrl,
  TrackerError,
  tryDecodeUdpTrackerRequest,
  tryDecodeUdpTrackerResponse,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "../../utracker/mod.ts";
import { REQUEST } from "../support/announce.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const permissions = "none";
const ANNOUNCE = {
  ...REQUEST,
  type: "announce",
  connectionId: 0n,
  transactionId: 0,
  key: 0,
} as const;
vectorTest("udp-tracker", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  const { name } = vector;
  const text = (key: string) => vector[key] as string;
  if (vector["direction"] === "to tracker") {
    const request = tryDecodeUdpTrackerRequest(bytes)!;
    if (name === "announce-bep41-unknown") {
      assert(request.type === "announce");
    } else {assertEquals(
        toHex(encodeUdpTrackerRequest(request)),
        vector.hex,
      );}
    if (request.type === "announce") {
      assertEquals(request.urlData, vector["url_data"] as string, name);
      if (vector["event"] !== undefined) {
        assertEquals(request.event ?? "none", text("event"));
        assertEquals(toHex(request.infoHash), text("info_hash"));
        assertEquals(toHex(request.peerId), text("peer_id"));
        assertEquals(String(request.left), text("left"));
        assertEquals(String(request.downloaded), text("downloaded"));
        assertEquals(String(request.uploaded), text("uploaded"));
        assertEquals(request.key, vector["key"] as number);
        assertEquals(request.numWant, undefined);
        assertEquals(request.port, 6881);
      }
    }
    return;
  }
  const family = vector["family"] === "ipv6" ? 6 : 4;
  const response = tryDecodeUdpTrackerResponse(bytes, family);
  if (vector.expected === "reject") {
    assertEquals(response, undefined, name);
    return;
  }
  assert(response !== undefined, name);
  assertEquals(
    toHex(encodeUdpTrackerResponse(response, family)),
    vector.hex,
    name,
  );
  if (response.type === "announce") {
    assertEquals(
      response.peers.map(formatEndpoint),
      vector["peers"] as string[],
    );
    assertEquals(response.seeders, vector["seeders"] as number);
    assertEquals(response.leechers, vector["leechers"] as number);
    assertEquals(response.interval, vector["interval"] as number);
  } else if (response.type === "scrape") {
    assertEquals(
      response.entries.map((e) => [e.seeders, e.downloads, e.leechers]),
      vector["results"] as number[][],
    );
  } else if (response.type === "error") {
    assertEquals(response.message, vector["message"] as string);
  }
});

const word = (random: RandomSource) => randomInt(random, 0x100000000);

function randomRequest(random: RandomSource): UdpTrackerRequest {
  const transactionId = word(random);
  const connectionId = BigInt(word(random)) << 32n | BigInt(word(random));
  switch (randomInt(random, 3)) {
    case 0:
      return { type: "connect", transactionId };
    case 1:
      return {
        type: "scrape",
        connectionId,
        transactionId,
        infoHashes: Array.from(
          { length: 1 + randomInt(random, 74) },
          () => randomBytes(random, 20),
        ),
      };
    default:
      return {
        type: "announce",
        connectionId,
        transactionId,
        infoHash: randomBytes(random, 20),
        peerId: randomBytes(random, 20),
        downloaded: word(random) * 1000,
        left: Number.MAX_SAFE_INTEGER,
        uploaded: 0,
        event: ([undefined, "started", "completed", "stopped"] as const)[
          randomInt(random, 4)
        ],
        key: word(random),
        numWant: randomInt(random, 2) ? randomInt(random, 1000) : undefined,
        port: randomInt(random, 65536),
        urlData: randomInt(random, 2)
          ? toByteString(randomBytes(random, randomInt(random, 1021)))
          : undefined,
      };
  }
}

Deno.test({
  name: "requests and responses survive encoding and decoding",
  permissions,
  fn() {
    const seed = 3;
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    for (let i = 0; i < 500; i++) {
      const request = randomRequest(random);
      const bytes = encodeUdpTrackerRequest(request);
      assertEquals(tryDecodeUdpTrackerRequest(bytes), request);
      // Room for extensions: what comes behind does not matter.
      if (request.type === "connect") {
        const longer = new Uint8Array(bytes.length + 9);
        longer.set(bytes);
        assertEquals(tryDecodeUdpTrackerRequest(longer), request);
      }
    }
    for (let i = 0; i < 300; i++) {
      const transactionId = word(random);
      const family = i % 2 ? 4 : 6;
      const responses: UdpTrackerResponse[] = [
        { type: "connect", transactionId, connectionId: BigInt(i) << 40n },
        { type: "error", transactionId, message: "Größe ".repeat(i % 9) },
        {
          type: "scrape",
          transactionId,
          entries: Array.from({ length: 1 + i % 74 }, () => ({
            seeders: word(random),
            downloads: word(random),
            leechers: word(random),
          })),
        },
        {
          type: "announce",
          transactionId,
          interval: word(random),
          leechers: word(random),
          seeders: word(random),
          peers: Array.from({ length: i % 50 }, () => ({
            hostname: family === 4 ? `1.2.3.${i % 256}` : "2001:db8::1",
            port: randomInt(random, 65536),
          })),
        },
      ];
      for (const response of responses) {
        assertEquals(
          tryDecodeUdpTrackerResponse(
            encodeUdpTrackerResponse(response, family),
            family,
          ),
          response,
        );
      }
    }
  },
});

Deno.test({
  name: "every prefix is refused, or is what BEP 15 makes of it",
  permissions,
  fn() {
    const announce = encodeUdpTrackerRequest({
      ...ANNOUNCE,
      urlData: "/a".repeat(200),
    });
    for (let length = 0; length < announce.length; length++) {
      const request = tryDecodeUdpTrackerRequest(announce.subarray(0, length));
      if (length < 98) assertEquals(request, undefined);
      else {
        assert(request?.type === "announce");
        assert("/a".repeat(200).startsWith(request.urlData ?? ""));
      }
    }
    const scrape = encodeUdpTrackerRequest({
      type: "scrape",
      connectionId: 1n,
      transactionId: 2,
      infoHashes: [new Uint8Array(20), new Uint8Array(20)],
    });
    for (let length = 0; length <= scrape.length; length++) {
      const request = tryDecodeUdpTrackerRequest(scrape.subarray(0, length));
      assertEquals(
        request?.type === "scrape" ? request.infoHashes.length : 0,
        Math.max(0, Math.floor((length - 16) / 20)),
      );
    }
    const peers = encodeUdpTrackerResponse({
      type: "announce",
      transactionId: 1,
      interval: 1,
      leechers: 1,
      seeders: 1,
      peers: [{ hostname: "1.2.3.4", port: 5 }, { hostname: "::1", port: 5 }],
    });
    assertEquals(peers.length, 26, "only peers of the packet's family");
    for (let length = 0; length < peers.length; length++) {
      const response = tryDecodeUdpTrackerResponse(peers.subarray(0, length));
      assertEquals(response === undefined, length < 20);
    }
  },
});

Deno.test({
  name: "limits of requests, exceeded by one",
  permissions,
  fn() {
    const scrape = (count: number) =>
      encodeUdpTrackerRequest({
        type: "scrape",
        connectionId: 0n,
        transactionId: 0,
        infoHashes: Array.from({ length: count }, () => new Uint8Array(20)),
      });
    assertEquals(scrape(74).length, 16 + 74 * 20);
    assertThrows(() => scrape(75), RangeError);
    assertThrows(() => scrape(0), RangeError);
    const longer = new Uint8Array(16 + 80 * 20);
    longer.set(scrape(74));
    const decoded = tryDecodeUdpTrackerRequest(longer);
    assertEquals(decoded?.type === "scrape" && decoded.infoHashes.length, 74);
    const announce = (more: Record<string, unknown>) =>
      encodeUdpTrackerRequest({
        ...ANNOUNCE,
        port: 65535,
        ...more,
      });
    assertEquals(announce({}).length, 98);
    assertEquals(announce({ urlData: "" }).length, 100);
    assertEquals(announce({ urlData: "x".repeat(255) }).length, 98 + 257);
    assertEquals(announce({ urlData: "x".repeat(256) }).length, 98 + 260);
    assertEquals(announce({ urlData: "x".repeat(1020) }).length, 98 + 1028);
    assertThrows(() => announce({ urlData: "x".repeat(1021) }), RangeError);
    assertThrows(() => announce({ urlData: "\u0100" }), RangeError);
    assertThrows(() => announce({ port: 65536 }), RangeError);
    assertThrows(() => announce({ infoHash: new Uint8Array(19) }), RangeError);
    assertThrows(() => announce({ peerId: new Uint8Array(21) }), RangeError);
    const many = tryDecodeUdpTrackerRequest(announce({ numWant: 2 ** 40 }));
    assertEquals(many?.type === "announce" && many.numWant, 0x7fffffff);
    // IPv6 announces are of the same form: action 1, address 0 (BEP 15).
    const bytes = announce({});
    assertEquals([bytes[11], ...bytes.subarray(84, 88)], [1, 0, 0, 0, 0]);
  },
});

Deno.test({
  name: "options of BEP 41: pads, the end, repetition",
  permissions,
  fn() {
    const base = encodeUdpTrackerRequest(ANNOUNCE);
    const of = (...options: number[]) => {
      const request = tryDecodeUdpTrackerRequest(
        Uint8Array.from([...base, ...options]),
      );
      return request?.type === "announce" ? request.urlData : "none";
    };
    const [a, b] = [0x61, 0x62];
    assertEquals(of(), undefined);
    assertEquals(of(2, 1, a, 1, 1, 2, 1, b, 0, 2, 1, a), "ab");
    assertEquals(of(0, 2, 1, a), undefined);
    assertEquals(of(2, 0), "");
    assertEquals(of(9, 2, 2, 9, 2, 1, a), "a");
    assertEquals(of(2, 2, a), undefined, "beyond the packet");
    assertEquals(of(2), undefined);
  },
});

Deno.test({
  name: "parseUdpTrackerUrl",
  permissions,
  fn() {
    assertEquals(parseUdpTrackerUrl("udp://T.Example:6969"), {
      address: { hostname: "t.example", port: 6969 },
      urlData: undefined,
    });
    assertEquals(parseUdpTrackerUrl("udp://1.2.3.4:1/a b?ü=1#x"), {
      address: { hostname: "1.2.3.4", port: 1 },
      urlData: "/a%20b?%C3%BC=1",
    });
    for (
      const [url, code] of [
        ["http://t.example/passkey", "unsupported"],
        ["udp://t.example/passkey", "invalid-url"],
        ["udp://:80/passkey", "invalid-url"],
        ["udp://t.example:0/passkey", "invalid-url"],
        ["passkey", "invalid-url"],
        [`udp://t.example:1/${"passkey".repeat(200)}`, "invalid-url"],
      ]
    ) {
      const error = assertThrows(() => parseUdpTrackerUrl(url!), TrackerError);
      assertEquals(error.code, code as TrackerError["code"]);
      assertEquals(error.message.includes("passkey"), false);
    }
  },
});
