import { assert, assertEquals } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import type { EncryptionPolicy } from "../../handshake/mod.ts";
import {
  BOB,
  connected,
  failed,
  hello,
  infoHash,
  World,
} from "../support/handshake_world.ts";

const none = { permissions: "none" } as const;

/** Who dials, who answers, what comes of it, in how many connections. */
const MEETINGS: readonly [
  EncryptionPolicy,
  EncryptionPolicy,
  string,
  number,
][] = [
  ["off", "off", "none", 1],
  ["off", "allow", "none", 1],
  ["off", "require", "connection-lost", 1],
  ["allow", "off", "none", 1],
  ["allow", "prefer", "none", 1],
  ["allow", "require", "plaintext", 2],
  ["allow", "require-rc4", "rc4", 2],
  ["prefer", "off", "none", 2],
  ["prefer", "allow", "plaintext", 1],
  ["prefer", "require-rc4", "rc4", 1],
  ["require", "off", "connection-lost", 1],
  ["require", "allow", "plaintext", 1],
  ["require-rc4", "allow", "rc4", 1],
  ["require-rc4", "require-rc4", "rc4", 1],
];

for (const [dialler, answerer, expected, connections] of MEETINGS) {
  const title = `${dialler} dials ${answerer}: ${expected}`;
  Deno.test(title, none, async () => {
    await using world = new World();
    const bob = await world.bob({ encryption: answerer });
    const alice = await world.host("10.0.0.1", { encryption: dialler });
    const address = { ...BOB };
    const outcome = await alice.dial({ infoHash, address });
    assertEquals(world.network.attempts, connections);
    if (outcome.type === "failed") {
      assertEquals(outcome.reason, expected);
      return;
    }
    assertEquals(outcome.encryption, expected);
    for (let n = 1; n < connections; n++) {
      const refused = await failed(bob);
      assert(
        ["encryption-refused", "connection-lost", "protocol-mismatch"]
          .includes(refused.reason),
        refused.reason,
      );
    }
    const other = await connected(bob);
    assertEquals(other.encryption, expected);
    for (
      const [from, to] of [
        [outcome.connection, other.connection],
        [other.connection, outcome.connection],
      ] as const
    ) {
      const text = new Uint8Array(100_000).map((_, i) => i * 7);
      const sent = text.slice();
      const writing = writeAll(from, sent);
      const got = new Uint8Array(text.length);
      for (let length = 0; length < got.length;) {
        length += (await to.read(got.subarray(length)))!;
      }
      await writing;
      assertEquals(got, text);
      assertEquals(sent, text, "the caller's bytes were changed");
    }
    outcome.connection.close();
    other.connection.close();
    // What worked is tried first the next time.
    const again = await alice.dial({ infoHash, address });
    assert(again.type === "connected");
    assertEquals(world.network.attempts, connections + 1);
    again.connection.close();
    (await connected(bob)).connection.close();
  });
}

Deno.test(
  "a peer that is silent to keys is asked in the clear beside it",
  none,
  async () => {
    await using world = new World();
    const listener = await world.network.transport(BOB.hostname).listen(BOB);
    const alice = await world.host("10.0.0.1", { encryption: "prefer" });
    for (const waitMs of [2500, 0]) {
      const outcome = alice.dial({ infoHash, address: BOB });
      const silent = waitMs > 0 ? await listener.accept() : undefined;
      await world.clock.advance(waitMs);
      const plain = (await listener.accept())!;
      const head = new Uint8Array(20);
      await plain.read(head);
      assertEquals(head[0], 19);
      await writeAll(plain, hello());
      const event = await outcome;
      assert(event.type === "connected");
      assertEquals(alice.stats().failed, {});
      event.connection.close();
      plain.close();
      silent?.close();
    }
    listener.close();
  },
);

Deno.test(
  "a peer that stays silent fails in time",
  none,
  async () => {
    await using world = new World();
    const listener = await world.network.transport(BOB.hostname).listen(BOB);
    const alice = await world.host("10.0.0.1", { encryption: "require" });
    const outcome = alice.dial({ infoHash, address: BOB });
    const silent = (await listener.accept())!;
    await world.clock.advance(10_000);
    const event = await outcome;
    assert(event.type === "failed");
    assertEquals(event.reason, "handshake-timeout");
    silent.close();
    listener.close();
  },
);

Deno.test(
  "a peer that answers an exchange of keys in the clear is dialled anew at once",
  none,
  async () => {
    await using world = new World();
    const listener = await world.network.transport(BOB.hostname).listen(BOB);
    const alice = await world.host("10.0.0.1", { encryption: "prefer" });
    const dialled = alice.dial({ infoHash, address: BOB });
    for (let n = 0; n < 2; n++) {
      const connection = (await listener.accept())!;
      await writeAll(connection, hello());
      if (n === 0) continue;
      const event = await dialled;
      assert(event.type === "connected");
      assertEquals(event.encryption, "none");
      event.connection.close();
    }
    listener.close();
  },
);

Deno.test(
  "a thousand half exchanges cost a bounded number of keys",
  none,
  async () => {
    await using world = new World();
    const bob = await world.bob({
      encryption: "require",
      inboundPerIpPerSecond: 1e6,
      maxPendingInbound: 2000,
      maxPendingInboundPerIp: 2000,
      maxPerIp: 2000,
      maxWaiting: 2000,
    });
    const strangers = [];
    for (let n = 0; n < 1000; n++) {
      strangers.push(await world.dial("10.0.0.9", Uint8Array.of(1, 2, 3)));
    }
    await world.clock.advance(1);
    const stats = bob.stats();
    // One host has half of them; others come through.
    assertEquals(stats.failed["overloaded"], 889);
    assertEquals(stats.pendingInbound, 111);
    for (let n = 0; n < 10; n++) {
      strangers.push(await world.dial(`10.0.1.${n}`, Uint8Array.of(1, 2, 3)));
    }
    await world.clock.advance(1);
    assertEquals(bob.stats().pendingInbound, 121);
    for (const stranger of strangers) stranger.close();
  },
);
