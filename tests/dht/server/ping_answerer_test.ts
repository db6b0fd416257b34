import { assertEquals } from "@std/assert";
import {
  randomBytes,
  randomInt,
  seededRandom,
} from "../../../_shared/random.ts";
import {
  findPingId,
  MAX_PING_ANSWER,
  PingAnswerer,
} from "../../../dht/server/ping_answerer.ts";
import { encodeKrpc, tryDecodeKrpc } from "../../../dht/mod.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "PingAnswerer - says what the decoder and the encoder would",
  none,
  () => {
    const seed = 5;
    const random = seededRandom(seed);
    for (let i = 0; i < 500; i++) {
      const transactionId = randomBytes(random, 1 + randomInt(random, 9));
      const id = randomBytes(random, 20);
      const ownId = randomBytes(random, 20);
      const ip = randomBytes(random, i % 2 ? 4 : 16);
      const port = randomInt(random, 65536);
      const own = i % 3 ? randomBytes(random, 4) : undefined;
      const ping = encodeKrpc({
        type: "query",
        method: "ping",
        transactionId,
        id,
        version: i % 5 ? randomBytes(random, 4) : undefined,
      });
      const at = findPingId(ping);
      assertEquals(ping.subarray(at, at + 20), id, `seed ${seed} round ${i}`);
      const address = new Uint8Array([...ip, port >>> 8, port & 255]);
      const out = randomBytes(random, MAX_PING_ANSWER);
      const length = new PingAnswerer(own).write(out, ping, ownId, ip, port);
      assertEquals(
        out.subarray(0, length),
        encodeKrpc({
          type: "response",
          transactionId,
          id: ownId,
          version: own,
          ip: address,
        }),
      );
    }
  },
);

Deno.test(
  "PingAnswerer - whatever differs is left to the decoder",
  none,
  () => {
    const random = seededRandom(6);
    const ping = encodeKrpc({
      type: "query",
      method: "ping",
      transactionId: Uint8Array.of(1, 2),
      id: new Uint8Array(20),
      version: new Uint8Array(4),
    }).slice();
    for (let length = 0; length < ping.length; length++) {
      assertEquals(findPingId(ping.subarray(0, length)), -1);
    }
    for (let i = 0; i < 20_000; i++) {
      const changed = ping.slice();
      changed[randomInt(random, ping.length)] = randomInt(random, 256);
      const message = tryDecodeKrpc(changed);
      if (findPingId(changed) < 0) continue;
      // Never taken for a ping when the decoder sees none.
      assertEquals(message.type === "query" && message.method, "ping");
    }
    for (
      const other of [
        { method: "ping", readOnly: true },
        { method: "find_node", target: new Uint8Array(20) },
      ] as const
    ) {
      const query = encodeKrpc({
        type: "query",
        transactionId: Uint8Array.of(1),
        id: new Uint8Array(20),
        ...other,
      });
      assertEquals(findPingId(query), -1);
    }
  },
);
