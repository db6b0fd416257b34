import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeUdpTrackerResponse,
  tryDecodeUdpTrackerRequest,
  type UdpAnnounceRequest,
  type UdpTrackerRequest,
  type UdpTrackerResponse,
} from "../../utracker/mod.ts";
import { UdpTrackerClientMachine } from "../../utracker/client_machine.ts";
import type { UdpTrackerClientOutput } from "../../utracker/client_messages.ts";

const permissions = "none";
const TRACKER: Endpoint = { hostname: "192.0.2.1", port: 6969 };
const REQUEST = {
  infoHash: new Uint8Array(20).fill(1),
  peerId: new Uint8Array(20).fill(2),
  port: 6881,
  uploaded: 1,
  downloaded: 2,
  left: 3,
  key: 77,
};

/** A machine, and what came out of it. */
class Bench {
  readonly machine: UdpTrackerClientMachine;
  now = 0;
  sent: { readonly at: number; readonly request: UdpTrackerRequest }[] = [];
  results: Exclude<UdpTrackerClientOutput, { type: "send" }>[] = [];
  #id = 0;

  constructor(maxRetransmits?: number) {
    this.machine = new UdpTrackerClientMachine({
      random: seededRandom(1),
      maxRetransmits,
    });
  }

  drain(): void {
    for (let out = this.machine.poll(); out; out = this.machine.poll()) {
      if (out.type === "send") {
        const request = tryDecodeUdpTrackerRequest(out.data)!;
        this.sent.push({ at: this.now / 1000, request });
      } else this.results.push(out);
    }
  }

  announce(to = TRACKER, urlData?: string): number {
    const id = this.#id++;
    this.machine.handle(
      { type: "announce", id, to, request: REQUEST, urlData },
      this.now,
    );
    this.drain();
    return id;
  }

  scrape(count: number, to = TRACKER): number {
    const id = this.#id++;
    const infoHashes = Array.from({ length: count }, () => new Uint8Array(20));
    this.machine.handle({ type: "scrape", id, to, infoHashes }, this.now);
    this.drain();
    return id;
  }

  cancel(id: number): void {
    this.machine.handle({ type: "cancel", id }, this.now);
    this.drain();
  }

  receive(response: UdpTrackerResponse, from = TRACKER): void {
    const family = from.hostname.includes(":") ? 6 : 4;
    this.raw(encodeUdpTrackerResponse(response, family), from);
  }

  raw(data: Uint8Array, from = TRACKER): void {
    this.machine.handle({ type: "datagram", data, from }, this.now);
    this.drain();
  }

  to(seconds: number): void {
    const end = seconds * 1000;
    for (
      let at = this.machine.deadline;
      at !== undefined && at <= end;
      at = this.machine.deadline
    ) {
      assert(at >= this.now);
      this.now = at;
      this.machine.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  get last(): UdpTrackerRequest {
    return this.sent.at(-1)!.request;
  }

  connect(connectionId = 99n): void {
    assertEquals(this.last.type, "connect");
    const { transactionId } = this.last;
    this.receive({ type: "connect", transactionId, connectionId });
  }

  answer(from = TRACKER): void {
    const { type, transactionId } = this.last;
    assertEquals(type, "announce");
    this.receive({
      type: "announce",
      transactionId,
      interval: 900,
      leechers: 1,
      seeders: 2,
      peers: [],
    }, from);
  }

  get schedule(): [number, string][] {
    return this.sent.map(({ at, request }) => [at, request.type]);
  }
}

Deno.test({
  name: "an announce connects first, and its id serves for a minute",
  permissions,
  fn() {
    const bench = new Bench();
    const first = bench.announce(TRACKER, "/announce");
    bench.connect();
    const request = bench.last as UdpAnnounceRequest;
    assertEquals(request.connectionId, 99n);
    assertEquals(request.key, 77);
    assertEquals(request.urlData, "/announce");
    assertEquals(request.left, 3);
    bench.answer();
    assertEquals(bench.results.map((r) => [r.type, r.id]), [[
      "response",
      first,
    ]]);
    assertEquals(bench.machine.pending, 0);
    assertEquals(bench.machine.deadline, undefined);

    bench.to(59.9);
    bench.announce();
    assertEquals(bench.last.type, "announce");
    bench.answer();
    bench.to(60);
    bench.announce();
    assertEquals(bench.last.type, "connect", "renewed after a minute");
    bench.connect(100n);
    assertEquals((bench.last as UdpAnnounceRequest).connectionId, 100n);
  },
});

Deno.test({
  name: "a connect is repeated after 15 * 2^n seconds and then given up",
  permissions,
  fn() {
    const bench = new Bench();
    bench.announce();
    bench.to(10_000);
    const times = [0, 15, 45, 105, 225, 465, 945, 1905, 3825];
    assertEquals(bench.schedule, times.map((at) => [at, "connect"]));
    const [failed] = bench.results;
    assert(failed?.type === "failed");
    assertEquals(failed.error.code, "timeout");
    assertEquals(bench.machine.pending, 0);
    assertEquals(bench.machine.deadline, undefined);
    const ids = new Set(bench.sent.map(({ request }) => request.transactionId));
    assertEquals(ids.size, 9, "a transaction id is never used twice");
  },
});

Deno.test({
  name: "an announce is repeated as in the example of BEP 15",
  permissions,
  fn() {
    const bench = new Bench();
    bench.announce();
    bench.to(1);
    bench.connect();
    bench.to(300);
    assertEquals(bench.schedule, [
      [0, "connect"],
      [1, "announce"],
      [16, "announce"],
      [46, "announce"],
      // The connection id has expired; the waiting goes on doubling.
      [106, "connect"],
      [226, "connect"],
    ]);
    const keys = bench.sent.flatMap(({ request }) =>
      request.type === "announce" ? [request.key] : []
    );
    assertEquals(keys, [77, 77, 77], "the key stays the same");
  },
});

Deno.test({
  name: "answers of others, to other questions and cut short are ignored",
  permissions,
  fn() {
    const bench = new Bench();
    bench.announce();
    const { transactionId } = bench.last;
    const connect = { type: "connect", connectionId: 5n } as const;
    bench.receive({ ...connect, transactionId }, { ...TRACKER, port: 1 });
    bench.receive({ ...connect, transactionId }, {
      hostname: "192.0.2.2",
      port: 6969,
    });
    bench.receive({ ...connect, transactionId: transactionId ^ 1 });
    bench.receive({
      type: "scrape",
      transactionId,
      entries: [
        { seeders: 0, leechers: 0, downloads: 0 },
      ],
    });
    const whole = encodeUdpTrackerResponse({ ...connect, transactionId });
    for (let length = 0; length < 16; length++) {
      bench.raw(whole.subarray(0, length));
    }
    assertEquals(bench.sent.length, 1);
    assertEquals(bench.machine.ignored, 20);
    bench.connect();
    const announce = bench.last.transactionId;
    bench.receive({
      type: "connect",
      transactionId: announce,
      connectionId: 1n,
    });
    bench.receive({
      type: "error",
      transactionId: announce ^ 1,
      message: "no",
    });
    bench.answer({ hostname: "192.0.2.9", port: 6969 });
    assertEquals(bench.results, []);
    bench.answer();
    assertEquals(bench.results.length, 1);
    bench.answer();
    assertEquals(bench.results.length, 1, "a second answer is nobody's");
  },
});

Deno.test({
  name: "IPv6 trackers are asked alike and answer 18 bytes a peer",
  permissions,
  fn() {
    const tracker = { hostname: "2001:db8:0::1", port: 1 };
    const from = { hostname: "2001:db8::1", port: 1 };
    const bench = new Bench();
    bench.announce(tracker);
    bench.receive({
      type: "connect",
      transactionId: bench.last.transactionId,
      connectionId: 1n,
    }, from);
    const peers = [{ hostname: "2001:db8::2", port: 7 }];
    bench.receive({
      type: "announce",
      transactionId: bench.last.transactionId,
      interval: 1,
      leechers: 0,
      seeders: 0,
      peers,
    }, from);
    const [result] = bench.results;
    assert(result?.type === "response" && result.response.type === "announce");
    assertEquals(result.response.peers, peers);
  },
});

Deno.test({
  name: "errors are told; one with an older connection id is asked again",
  permissions,
  fn() {
    const bench = new Bench();
    const refuse = (message: string) =>
      bench.receive({
        type: "error",
        transactionId: bench.last.transactionId,
        message,
      });
    bench.announce();
    bench.connect(1n);
    refuse("unknown torrent");
    const [failed] = bench.results;
    assert(failed?.type === "failed");
    assertEquals([failed.error.code, failed.error.message], [
      "refused",
      "unknown torrent",
    ]);
    // Later the tracker may have been restarted: connect anew, once.
    bench.to(30);
    bench.announce();
    assertEquals(bench.last.type, "announce");
    refuse("who are you");
    assertEquals(bench.last.type, "connect");
    bench.connect(2n);
    assertEquals((bench.last as UdpAnnounceRequest).connectionId, 2n);
    refuse("");
    assertEquals(bench.results.length, 2);
    // A connect that is refused ends everything that waits for it.
    bench.to(200);
    bench.announce();
    bench.announce();
    refuse("full");
    assertEquals(bench.results.length, 4);
    assertEquals(bench.machine.pending, 0);
  },
});

Deno.test({
  name: "one connect serves many requests, which go out in a window",
  permissions,
  fn() {
    const bench = new Bench();
    const ids = Array.from({ length: 200 }, () => bench.announce());
    bench.scrape(74);
    assertEquals(bench.schedule, [[0, "connect"]]);
    bench.connect();
    assertEquals(bench.sent.length, 1 + 64);
    const answered = new Set<number>();
    while (bench.results.length < 201) {
      const next = bench.sent.slice(1).find(({ request }) =>
        !answered.has(request.transactionId)
      )!.request;
      answered.add(next.transactionId);
      if (next.type === "scrape") {
        assertEquals(next.infoHashes.length, 74);
        bench.receive({
          type: "scrape",
          transactionId: next.transactionId,
          entries: next.infoHashes.map(() => ({
            seeders: 1,
            leechers: 2,
            downloads: 3,
          })),
        });
        continue;
      }
      bench.receive({
        type: "announce",
        transactionId: next.transactionId,
        interval: 1,
        leechers: 0,
        seeders: 0,
        peers: [],
      });
    }
    assertEquals(bench.sent.length, 1 + 201);
    assertEquals(
      bench.results.slice(0, 200).map(({ id }) => id),
      ids,
      "in the order they were asked",
    );
    assertEquals(bench.machine.pending, 0);
    assertEquals(bench.machine.deadline, undefined);
  },
});

Deno.test({
  name: "what is cancelled is neither sent nor answered",
  permissions,
  fn() {
    const bench = new Bench();
    const first = bench.announce();
    const second = bench.announce();
    bench.cancel(first);
    bench.connect();
    assertEquals(bench.schedule, [[0, "connect"], [0, "announce"]]);
    bench.cancel(second);
    bench.cancel(second);
    bench.answer();
    bench.to(10_000);
    assertEquals(bench.results, []);
    assertEquals(bench.sent.length, 2);
    // The only one waiting is cancelled: the connect is not repeated.
    const lonely = new Bench();
    lonely.cancel(lonely.announce());
    assertEquals(lonely.machine.deadline, undefined);
    lonely.to(100);
    assertEquals(lonely.sent.length, 1);
  },
});

Deno.test({
  name: "a tracker that cannot be sent to fails all its requests",
  permissions,
  fn() {
    const bench = new Bench();
    bench.announce();
    bench.connect();
    bench.announce();
    const other = { hostname: "192.0.2.7", port: 1 };
    bench.announce(other);
    bench.machine.handle(
      { type: "unreachable", to: TRACKER, reason: "no route" },
      bench.now,
    );
    bench.drain();
    assertEquals(bench.results.length, 2);
    for (const result of bench.results) {
      assert(result.type === "failed");
      assertEquals(result.error.code, "unreachable");
    }
    assertEquals(bench.machine.pending, 1);
    bench.machine.handle(
      { type: "unreachable", to: { ...TRACKER, port: 3 }, reason: "" },
      bench.now,
    );
  },
});

Deno.test({
  name: "thousands of trackers at a time, and none remembered for good",
  permissions,
  fn() {
    const bench = new Bench(0);
    for (let i = 0; i < 5000; i++) {
      bench.announce({ hostname: `10.0.${i >> 8}.${i & 255}`, port: 1 });
    }
    assertEquals(bench.sent.length, 5000);
    assertEquals(bench.machine.pending, 5000);
    bench.to(16);
    assertEquals(bench.results.length, 5000);
    assertEquals(bench.machine.pending, 0);
    assertEquals(bench.machine.deadline, undefined);
  },
});
