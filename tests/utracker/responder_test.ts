import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { readUint32, tryFromHex, writeUint32 } from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import { InfoHashList, SwarmService, SwarmTable } from "../../tracker/mod.ts";
import {
  encodeUdpTrackerRequest,
  tryDecodeUdpTrackerResponse,
  type UdpAnnounceRequest,
  type UdpTrackerHandler,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "../../utracker/mod.ts";
import {
  MAX_RESPONSE_LENGTH,
  UdpTrackerResponder,
} from "../../utracker/responder.ts";

const permissions = "none";
const ALICE: Endpoint = { hostname: "192.0.2.1", port: 1000 };
const BOB: Endpoint = { hostname: "192.0.2.2", port: 1000 };
const SIX: Endpoint = { hostname: "2001:db8::1", port: 1000 };

/** A tracker without sockets. */
class World {
  readonly service = new SwarmService({
    store: new SwarmTable({ random: seededRandom(1) }),
    intervalMs: 900_000,
  });
  readonly responder: UdpTrackerResponder;
  readonly out = new Uint8Array(MAX_RESPONSE_LENGTH);
  seconds = 50;
  #transaction = 1;

  constructor(handler?: UdpTrackerHandler) {
    this.responder = new UdpTrackerResponder({
      ...(handler ? { handler } : { service: this.service }),
      random: seededRandom(2),
    });
  }

  /** Bytes of the answer; undefined for silence. */
  raw(data: Uint8Array, from: Endpoint): Uint8Array | undefined {
    const length = this.responder.respond(
      data,
      from,
      this.seconds * 1000,
      this.seconds,
      this.out,
    );
    assert(typeof length === "number");
    return length === 0 ? undefined : this.out.slice(0, length);
  }

  ask(
    request: UdpTrackerRequest,
    from: Endpoint,
  ): UdpTrackerResponse | undefined {
    const bytes = this.raw(encodeUdpTrackerRequest(request), from);
    const response = bytes &&
      tryDecodeUdpTrackerResponse(bytes, from.hostname.includes(":") ? 6 : 4);
    if (response) assertEquals(response.transactionId, request.transactionId);
    return response;
  }

  connect(from: Endpoint): bigint {
    const transactionId = this.#transaction++;
    const response = this.ask({ type: "connect", transactionId }, from);
    assert(response?.type === "connect");
    return response.connectionId;
  }

  announce(
    from: Endpoint,
    more: Partial<UdpAnnounceRequest> = {},
  ): UdpTrackerResponse | undefined {
    return this.ask(
      announceOf(more.connectionId ?? this.connect(from), {
        transactionId: this.#transaction++,
        ...more,
      }),
      from,
    );
  }
}

function announceOf(
  connectionId: bigint,
  more: Partial<UdpAnnounceRequest> = {},
): UdpAnnounceRequest {
  return {
    type: "announce",
    connectionId,
    transactionId: 0xfedcba98,
    infoHash: new Uint8Array(20).fill(9),
    peerId: new Uint8Array(20),
    downloaded: 0,
    left: 1,
    uploaded: 0,
    key: 0,
    port: 6881,
    ...more,
  };
}

Deno.test({
  name: "connect, announce and scrape",
  permissions,
  fn() {
    const world = new World();
    const first = world.announce(ALICE);
    assert(first?.type === "announce");
    assertEquals(
      [first.interval, first.seeders, first.leechers, first.peers],
      [900, 0, 1, []],
    );
    const second = world.announce(BOB, { left: 0, port: 7 });
    assert(second?.type === "announce");
    assertEquals([second.seeders, second.leechers], [1, 1]);
    assertEquals(second.peers, [{ hostname: "192.0.2.1", port: 6881 }]);
    const infoHashes = Array.from(
      { length: 74 },
      (_, i) => new Uint8Array(20).fill(i),
    );
    const scrape = world.ask({
      type: "scrape",
      connectionId: world.connect(ALICE),
      transactionId: 3,
      infoHashes,
    }, ALICE);
    assert(scrape?.type === "scrape");
    assertEquals(scrape.entries.length, 74);
    assertEquals(scrape.entries[9], { seeders: 1, leechers: 1, downloads: 0 });
    assertEquals(scrape.entries[8], { seeders: 0, leechers: 0, downloads: 0 });
    world.announce(BOB, { event: "stopped", port: 7 });
    const last = world.announce(ALICE, { event: "completed", left: 0 });
    assert(last?.type === "announce");
    assertEquals([last.seeders, last.leechers, last.peers], [1, 0, []]);
  },
});

Deno.test({
  name: "IPv6 clients get 18-byte peers, mapped ones count as IPv4",
  permissions,
  fn() {
    const world = new World();
    world.announce(ALICE);
    world.announce(SIX);
    const other = world.announce({ hostname: "2001:db8::2", port: 1 });
    assert(other?.type === "announce");
    assertEquals(other.peers, [{ hostname: "2001:db8::1", port: 6881 }]);
    assertEquals(other.leechers, 3);
    const mapped = { hostname: "::ffff:192.0.2.1", port: 1000 };
    const connectionId = world.connect(mapped);
    const bytes = encodeUdpTrackerRequest(announceOf(connectionId));
    assert(world.raw(bytes, ALICE) !== undefined, "one address, two spellings");
    assertEquals(world.raw(bytes, mapped)?.length, 20, "the same peer");
    assertEquals(world.raw(bytes, BOB), undefined);
  },
});

Deno.test({
  name: "forged, expired and other clients' connection ids get silence",
  permissions,
  fn() {
    const world = new World();
    const connectionId = world.connect(ALICE);
    assert(world.announce(ALICE, { connectionId }));
    assert(world.announce({ ...ALICE, port: 2 }, { connectionId }), "NAT");
    assertEquals(world.announce(BOB, { connectionId }), undefined);
    assertEquals(world.announce(SIX, { connectionId }), undefined);
    assertEquals(
      world.announce(ALICE, { connectionId: connectionId ^ 1n }),
      undefined,
    );
    assertEquals(
      world.announce(ALICE, { connectionId: 0x41727101980n }),
      undefined,
      "the magic number is no id",
    );
    world.seconds += 120;
    assert(world.announce(ALICE, { connectionId }));
    world.seconds += 1;
    assertEquals(world.announce(ALICE, { connectionId }), undefined);
    assertEquals(world.responder.counters.badConnectionIds, 5);
    // A process that shares the key may be a little ahead of us.
    const ahead = world.connect(ALICE);
    world.seconds -= 10;
    assert(world.announce(ALICE, { connectionId: ahead }));
    world.seconds -= 1;
    assertEquals(world.announce(ALICE, { connectionId: ahead }), undefined);
    const random = seededRandom(5);
    for (let i = 0; i < 10_000; i++) {
      const forged = announceOf(0n);
      const bytes = encodeUdpTrackerRequest(forged);
      bytes.set(randomBytes(random, 8));
      assertEquals(world.raw(bytes, ALICE), undefined);
    }
    assertEquals(world.responder.counters.badConnectionIds, 10_006);
    assertEquals(world.responder.counters.announces, 4, "only the honest ones");
  },
});

Deno.test({
  name: "nothing that is not asked properly is answered, nor amplified",
  permissions,
  fn() {
    const world = new World();
    const seed = 6;
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const connect = encodeUdpTrackerRequest({
      type: "connect",
      transactionId: 1,
    });
    assertEquals(world.raw(connect, ALICE)?.length, 16, "as long as asked");
    for (let length = 0; length < 16; length++) {
      assertEquals(world.raw(connect.subarray(0, length), ALICE), undefined);
    }
    const wrong = connect.slice();
    wrong[7]! ^= 1;
    assertEquals(world.raw(wrong, ALICE), undefined);
    for (let i = 0; i < 20_000; i++) {
      const data = randomBytes(random, randomInt(random, 200));
      // Half of them with an action that exists.
      if (i % 2 && data.length >= 12) writeUint32(data, 8, i % 5);
      assertEquals(world.raw(data, ALICE), undefined);
    }
    const connectionId = world.connect(ALICE);
    for (const action of [3, 4, 9, 0xffffffff]) {
      const data = encodeUdpTrackerRequest(announceOf(connectionId));
      writeUint32(data, 8, action);
      assertEquals(world.raw(data, ALICE), undefined);
    }
    const announce = encodeUdpTrackerRequest(announceOf(connectionId));
    for (let length = 16; length < 98; length++) {
      assertEquals(world.raw(announce.subarray(0, length), ALICE), undefined);
    }
    const scrape = encodeUdpTrackerRequest({
      type: "scrape",
      connectionId,
      transactionId: 1,
      infoHashes: [new Uint8Array(20)],
    });
    for (let length = 0; length < 36; length++) {
      assertEquals(world.raw(scrape.subarray(0, length), ALICE), undefined);
    }
    assertEquals(
      world.raw(scrape, { hostname: "nonsense", port: 1 }),
      undefined,
    );
  },
});

Deno.test({
  name: "numbers of peers are clamped, answers fit a datagram",
  permissions,
  fn() {
    const world = new World();
    for (let n = 1; n <= 250; n++) {
      world.announce({ hostname: `10.0.0.${n}`, port: 1 });
      world.announce({ hostname: `2001:db8:${n.toString(16)}::1`, port: 1 });
    }
    const count = (from: Endpoint, numWant?: number) => {
      const bytes = world.raw(
        encodeUdpTrackerRequest(announceOf(world.connect(from), { numWant })),
        from,
      )!;
      assert(bytes.length <= MAX_RESPONSE_LENGTH);
      return (bytes.length - 20) / (from === SIX ? 18 : 6);
    };
    assertEquals(count(ALICE), 50);
    assertEquals(count(ALICE, 0), 0);
    assertEquals(count(ALICE, 1), 1);
    assertEquals(count(ALICE, 200), 200);
    assertEquals(count(ALICE, 2 ** 31), 200);
    assertEquals(count(SIX), 50);
    assertEquals(count(SIX, 1000), 67);
  },
});

Deno.test({
  name: "the address in the packet is ignored",
  permissions,
  fn() {
    const world = new World();
    const bytes = encodeUdpTrackerRequest(announceOf(world.connect(ALICE)));
    bytes.set([6, 6, 6, 6], 84);
    world.raw(bytes, ALICE);
    const answer = world.announce(BOB);
    assert(answer?.type === "announce");
    assertEquals(answer.peers, [{ hostname: "192.0.2.1", port: 6881 }]);
  },
});

Deno.test({
  name: "lists of torrents that are served and not",
  permissions,
  fn() {
    const world = new World();
    const infoHash = new Uint8Array(20).fill(9);
    const refused = (response: UdpTrackerResponse | undefined) =>
      response?.type === "error" && response.message;
    world.service.deny = new InfoHashList([infoHash]);
    assertEquals(refused(world.announce(ALICE)), "Torrent not served");
    world.service.deny = undefined;
    world.service.allow = InfoHashList.parse(
      `# none\n\r\n ${"ab".repeat(20)} of mine\n`,
    );
    assertEquals(world.service.allow.size, 1);
    assertEquals(refused(world.announce(ALICE)), "Torrent not served");
    assertEquals(
      refused(
        world.announce(ALICE, { infoHash: tryFromHex("ab".repeat(20))! }),
      ),
      false,
    );
    world.service.allow = new InfoHashList([infoHash, infoHash]);
    assertEquals(refused(world.announce(ALICE)), false);
    for (const text of ["xyz", "ab".repeat(19), "# \n" + "ab".repeat(32)]) {
      assertThrows(() => InfoHashList.parse(text), SyntaxError);
    }
  },
});

Deno.test({
  name: "a handler answers in its own time, and its failures are survived",
  permissions,
  async fn() {
    const seen: string[] = [];
    const world = new World({
      announce(request, from) {
        seen.push(`${from.hostname} ${request.urlData}`);
        if (request.urlData === "/error") return "e".repeat(500);
        if (request.urlData === "/silence") return undefined;
        if (request.urlData === "/throw") throw new Error("no");
        return Promise.resolve({
          interval: 7,
          seeders: 1,
          leechers: 2,
          peers: Array.from({ length: 500 }, (_, i) => ({
            hostname: i % 2 ? "1.2.3.4" : "::5",
            port: i + 1,
          })),
        });
      },
      scrape: ({ infoHashes }) =>
        infoHashes.map(() => ({ seeders: 4, leechers: 5, downloads: 6 })),
    });
    const ask = async (request: UdpTrackerRequest, from = ALICE) => {
      const data = encodeUdpTrackerRequest(request);
      const answer = world.responder.respond(data, from, 0, 50, world.out);
      // The buffer of the socket is used again at once.
      data.fill(0xff);
      const bytes = await answer;
      assert(typeof bytes !== "number");
      assert((bytes?.length ?? 0) <= MAX_RESPONSE_LENGTH);
      return bytes;
    };
    const connectionId = world.connect(ALICE);
    const bytes = await ask(announceOf(connectionId, { urlData: "/x" }));
    assertEquals(readUint32(bytes!, 4), 0xfedcba98);
    assertEquals(readUint32(bytes!, 8), 7);
    assertEquals(
      bytes!.length,
      20 + 6 * 202,
      "those of the family, as many fit",
    );
    const error = await ask(announceOf(connectionId, { urlData: "/error" }));
    assert(error!.length <= 98 + 8, "no longer than the question");
    for (const urlData of ["/silence", "/throw"]) {
      assertEquals(await ask(announceOf(connectionId, { urlData })), undefined);
    }
    assertEquals(world.responder.counters.failures, 1);
    assertEquals(seen.length, 4);
    const scrape = await ask({
      type: "scrape",
      connectionId,
      transactionId: 1,
      infoHashes: [new Uint8Array(20), new Uint8Array(20)],
    });
    assertEquals(scrape!.length, 8 + 24);
    assertThrows(
      () => new UdpTrackerResponder({ random: seededRandom(1) }),
      TypeError,
    );
  },
});
