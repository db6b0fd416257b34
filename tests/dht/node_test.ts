import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { encodeText, equalBytes } from "../../_shared/bytes.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import {
  type DhtNodeEvent,
  DhtNodeMachine,
  encodeKrpc,
  MainlineDht,
  type MainlineDhtOptions,
  mutableItemTarget,
  tryDecodeDhtState,
} from "../../dht/mod.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const hostname = "127.0.0.1";
const infoHash = new Uint8Array(20).fill(7);

function open(
  bootstrap: readonly Endpoint[] = [],
  options: MainlineDhtOptions = {},
): Promise<MainlineDht> {
  return MainlineDht.open({ hostname, bootstrap, ...options });
}

/** Some nodes that know each other. */
async function network(count: number) {
  const nodes = [await open()];
  const bootstrap = nodes[0]!.locals;
  while (nodes.length < count) nodes.push(await open(bootstrap));
  await Promise.all(nodes.map((node) => node.bootstrapped));
  // Those that came at the same time get to know each other.
  for (const node of nodes) await node.findNode(node.id()!);
  return {
    nodes,
    bootstrap,
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

Deno.test("MainlineDht - ping, find_node, announce, get_peers", async () => {
  await using net = await network(5);
  const [a, b, c] = net.nodes as [MainlineDht, MainlineDht, MainlineDht];
  const pong = await a.ping(b.locals[0]!);
  assertEquals(pong.node, { id: b.id()!, address: b.locals[0]! });
  assertEquals(pong.externalAddress, a.locals[0]);
  assertEquals(pong.version, Uint8Array.of(0x42, 0x50, 0, 1));
  assert(pong.roundTripMs >= 0);

  const found = await c.findNode(b.id()!);
  assertEquals(found[0]?.id, b.id());
  assertEquals(found.length, 4);

  const result = await b.announce(infoHash, { port: 4321, seed: true });
  assertEquals(result.stored.length, 4);
  assertEquals([result.refused, result.unanswered], [[], []]);
  for (const node of [a, c]) {
    assertEquals(await Array.fromAsync(node.getPeers(infoHash)), [
      {
        infoHash,
        address: { hostname, port: 4321 },
        source: "dht",
        teller: hostname,
      },
    ]);
  }
  assertEquals(
    await Array.fromAsync(a.getPeers(infoHash, { noSeed: true })),
    [],
  );
  assertEquals(await c.scrape(infoHash), { seeds: 1, peers: 0 });

  // Piped as a stream, and announced at the end.
  const other = new Uint8Array(20).fill(8);
  const stream = ReadableStream.from(
    c.getPeers(other, { announcePort: 99, impliedPort: true }),
  );
  assertEquals(await Array.fromAsync(stream), []);
  const peers = await Array.fromAsync(a.getPeers(other));
  assertEquals(peers.map(({ address }) => address), c.locals);

  const samples = await Array.fromAsync(a.sampleInfohashes());
  assert(
    samples.some(({ infoHashes, count }) =>
      count === 2 && infoHashes.some((hash) => equalBytes(hash, other))
    ),
  );
  assert(a.stats().goodNodes >= 4);
});

Deno.test("MainlineDht - immutable and mutable items", async () => {
  await using net = await network(4);
  const [a, b, c] = net.nodes as [MainlineDht, MainlineDht, MainlineDht];
  const value = encodeText("5:hello");
  const immutable = await a.put({ value });
  assertEquals(immutable.stored.length, 3);
  assertEquals((await c.get(immutable.target))?.value, value);
  assertEquals(await c.get(new Uint8Array(20)), undefined);

  const secretKey = new Uint8Array(32).fill(9);
  const salt = encodeText("news");
  const first = await a.put({ value, secretKey, salt });
  assertEquals([first.seq, first.stored.length], [1n, 3]);
  // A node that stores it knows it by the target; others need the salt as well.
  assertEquals((await b.get(first.target))?.seq, 1n);
  assertEquals(await a.get(first.target), undefined);
  const key = { publicKey: new Uint8Array(32), salt };
  await assertRejects(
    () => b.get({ ...key, publicKey: new Uint8Array(3) }),
    RangeError,
  );
  const own = await a.get({ ...key, publicKey: await publicKeyOf(secretKey) });
  assertEquals(own?.seq, 1n);
  assertEquals(mutableItemTarget(own!.publicKey!, salt), first.target);
  const publicKey = own!.publicKey!;
  const mutableKey = { publicKey, salt };
  assertEquals((await b.get(mutableKey))?.value, value);

  const newer = encodeText("5:newer");
  const second = await b.put({ value: newer, secretKey, salt, cas: 1n });
  assertEquals([second.seq, second.stored.length], [2n, 3]);
  assertEquals((await c.get(mutableKey))?.value, newer);
  assertEquals(await c.get(mutableKey, { seq: 2n }), undefined);

  const late = await c.put({ value, secretKey, salt, seq: 1n });
  assert(late.refused.length > 0);
  assertEquals(late.refused[0]!.error.code, "seq-too-low");
  const wrong = await c.put({ value, secretKey, salt, seq: 7n, cas: 1n });
  assertEquals(wrong.refused[0]!.error.code, "cas-mismatch");
  const forged = await c.put({
    value,
    publicKey,
    salt,
    seq: 9n,
    signature: new Uint8Array(64),
  });
  assertEquals(forged.refused[0]!.error.code, "invalid-signature");
  await assertRejects(
    () => a.put({ value: new Uint8Array(1001) }),
    RangeError,
    "1001",
  );
});

async function publicKeyOf(secretKey: Uint8Array): Promise<Uint8Array> {
  const head = Uint8Array.fromHex("302e020100300506032b657004220420");
  const key = await crypto.subtle.importKey(
    "pkcs8",
    new Uint8Array([...head, ...secretKey]),
    "Ed25519",
    true,
    ["sign"],
  );
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return Uint8Array.fromBase64(x!, { alphabet: "base64url" });
}

Deno.test("MainlineDht - what nobody answers", async () => {
  await using alone = await open();
  // On an empty table everything ends.
  assertEquals(await alone.findNode(infoHash), []);
  assertEquals(await Array.fromAsync(alone.getPeers(infoHash)), []);
  assertEquals((await alone.announce(infoHash, { port: 1 })).stored, []);
  assertEquals(await alone.get(infoHash), undefined);
  assertEquals(await alone.scrape(infoHash), undefined);
  using silent = await openDatagramSocket({ hostname });
  const clock = new SimClock();
  await using waiting = await open([], { clock });
  const pinging = assertRejects(
    () => waiting.ping(silent.local),
    DOMException,
    "No answer",
  );
  await clock.advance(10_000);
  const error = await pinging;
  assertEquals(error.name, "TimeoutError");
  await assertRejects(() => alone.findNode(new Uint8Array(3)), RangeError, "3");
  await assertRejects(
    () => alone.announce(infoHash, { port: 70_000 }),
    RangeError,
    "70000",
  );
});

Deno.test("MainlineDht - abort and close end what runs", async () => {
  using silent = await openDatagramSocket({ hostname });
  const dht = await open();
  const controller = new AbortController();
  const pinged = dht.ping(silent.local, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await pinged.catch((error) => error), reason);
  assertEquals(
    await dht.findNode(infoHash, { signal: controller.signal }).catch((e) => e),
    reason,
  );
  dht.addNode(silent.local);
  const running = dht.findNode(infoHash);
  const events = Array.fromAsync(dht.events());
  await dht.close();
  await dht.close();
  assertEquals(await running, []);
  assertEquals(await events, []);
  assertEquals(await Array.fromAsync(dht.events()), []);
  await assertRejects(() => dht.bootstrapped, DOMException, "closed");
  assertEquals(await dht.findNode(infoHash), []);

  const outer = new AbortController();
  const other = await open([], { signal: outer.signal });
  outer.abort(reason);
  await other.closed;
  assertStrictEquals(other.close(), other.closed);
  await assertRejects(
    () => open([], { signal: outer.signal }),
    Error,
    "enough",
  );
});

Deno.test("MainlineDht - the state finds the others again", async () => {
  await using net = await network(4);
  const state = net.nodes[3]!.state();
  assertEquals(tryDecodeDhtState(state)?.nodes.length, 3);
  const id = net.nodes[3]!.id();
  await net.nodes[3]!.close();
  await using again = await open([], { state, scopes: ["loopback"] });
  assertEquals(again.id(), id);
  await again.bootstrapped;
  assertEquals((await again.findNode(infoHash)).length, 3);
  await using junk = await open([], { state: encodeText("junk") });
  assertEquals(junk.stats().nodes, 0);
});

Deno.test("MainlineDht - events tell of every query", async () => {
  await using net = await network(2);
  const [a, b] = net.nodes as [MainlineDht, MainlineDht];
  const events = a.events();
  const rare = Array.fromAsync(a.events({ queries: false }));
  const next = events.next();
  await b.announce(infoHash, { port: 5 });
  const seen: DhtNodeEvent[] = [(await next).value!];
  while (seen.at(-1)!.type !== "query" || !isAnnounce(seen.at(-1)!)) {
    seen.push((await events.next()).value!);
  }
  const last = seen.at(-1)!;
  assert(last.type === "query");
  assertEquals(last.target, infoHash);
  assertEquals(last.peer, { hostname, port: 5 });
  assertEquals(last.from, { id: b.id()!, address: b.locals[0]! });
  await events.return();
  await a.close();
  assertEquals((await rare).filter(({ type }) => type === "query"), []);
});

function isAnnounce(event: DhtNodeEvent): boolean {
  return event.type === "query" && event.method === "announce_peer";
}

Deno.test("MainlineDht - both IP versions, one port, names", async () => {
  await using a = await MainlineDht.open({
    families: [4, 6],
    bootstrap: [],
    scopes: ["loopback"],
  });
  const [four, six] = a.locals;
  assertEquals(four!.port, six!.port);
  const port = four!.port;
  await using b = await MainlineDht.open({
    families: [4, 6],
    scopes: ["loopback"],
    bootstrap: [{ hostname: "node.test", port }],
    resolve: (name) =>
      Promise.resolve(name === "node.test" ? [hostname, "::1", "junk"] : []),
  });
  await b.bootstrapped;
  assertEquals((await b.ping({ hostname: "::1", port })).node.id, a.id(6));
  // Of several addresses one that answers is enough.
  await using c = await MainlineDht.open({
    families: [4],
    scopes: ["loopback"],
    bootstrap: [],
    resolve: () => Promise.resolve(["127.0.0.99", hostname]),
  });
  const pong = await c.ping({ hostname: "node.test", port });
  assertEquals(pong.node.address.hostname, hostname);
  await b.announce(infoHash, { port: 77 });
  const peers = await Array.fromAsync(a.getPeers(infoHash));
  assertEquals(
    peers.map(({ address }) => address.hostname).sort(),
    [hostname, "::1"],
  );
  await assertRejects(() => b.ping({ hostname: "none.test", port }));
});

Deno.test("MainlineDht - refuses impossible options", async () => {
  await assertRejects(() => open([], { hostname: "name" }), RangeError, "name");
  await assertRejects(
    () => open([], { maxEvents: 0 }),
    RangeError,
    "maxEvents",
  );
  await assertRejects(
    () => open([], { id: new Uint8Array(2) }),
    RangeError,
    "2 bytes",
  );
  await assertRejects(() => open([], { k: 0 }), RangeError, "k");
});

Deno.test("MainlineDht - junk and floods do not stop it", async () => {
  await using dht = await open();
  const [to] = dht.locals;
  using socket = await openDatagramSocket({ hostname });
  const ping = encodeKrpc({
    type: "query",
    method: "ping",
    transactionId: Uint8Array.of(1),
    id: infoHash,
    readOnly: true,
  });
  for (let length = 0; length < ping.length; length++) {
    await socket.send(ping.subarray(0, length), to!);
  }
  await socket.send(new Uint8Array(9000).fill(0x6c), to!);
  await socket.send(ping, to!);
  const answer = await socket.receive();
  assert(answer !== undefined && answer.data.length > 40);
  assert(dht.stats().malformed >= 0);
});

Deno.test("DhtNodeMachine - importing needs no permission", {
  permissions: "none",
}, () => {
  assertEquals(typeof DhtNodeMachine, "function");
});

Deno.test("MainlineDht - a bootstrap name tells which kind of network it is", {
  timeout: 20_000,
}, async () => {
  await using net = await network(2);
  const { port } = net.bootstrap[0]!;
  const join = (options: MainlineDhtOptions = {}) =>
    MainlineDht.open({
      hostname: "0.0.0.0",
      bootstrap: [{ hostname: "node.test", port }],
      resolve: () => Promise.resolve([hostname]),
      ...options,
    });
  await using inside = await join();
  await inside.bootstrapped;
  assert(inside.stats().nodes > 0);
  // Not against an express wish.
  await using outside = await join({ scopes: ["global"] });
  await outside.findNode(infoHash);
  assertEquals(outside.stats().nodes, 0);
});

Deno.test("MainlineDht - errors of the socket end what they concern, and no more", async () => {
  await using net = await network(2);
  const codes = ["ECONNREFUSED", "EMSGSIZE", "ENETUNREACH", "EPERM"];
  let failing = false;
  let failed = 0;
  await using dht = await open(net.bootstrap, {
    socket: async (options) => {
      const socket = await openDatagramSocket(options);
      return {
        ...socket,
        send(data, to) {
          if (!failing) return socket.send(data, to);
          const code = codes[failed++ % codes.length]!;
          return Promise.reject(Object.assign(new Error(code), { code }));
        },
      };
    },
  });
  await dht.bootstrapped;
  failing = true;
  const start = performance.now();
  for (let i = 0; i < 8; i++) {
    await assertRejects(() => dht.ping(net.bootstrap[0]!), DOMException);
  }
  assertEquals(await Array.fromAsync(dht.getPeers(infoHash)), []);
  assertEquals((await dht.announce(infoHash, { port: 1 })).stored, []);
  assert(performance.now() - start < 1000, "nothing waits for an answer");
  assert(dht.stats().sendErrors >= 10);
  // It hears nothing of what others ask in the meantime, and lives on.
  await net.nodes[1]!.findNode(infoHash);
  failing = false;
  await dht.ping(net.bootstrap[0]!);
  assertEquals((await dht.announce(infoHash, { port: 1 })).stored.length, 2);
});
