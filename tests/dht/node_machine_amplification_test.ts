/** How long answers are, and how much longer than what they answer. */
import { assert } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeKrpc,
  immutableItemTarget,
  type KrpcQuery,
  mutableItemTarget,
  randomNodeId,
} from "../../dht/mod.ts";
import { MAX_KRPC_LENGTH, MAX_TRANSACTION_ID_LENGTH } from "../../dht/krpc.ts";
import { id, MachineBench } from "./machine_bench.ts";

const none = { permissions: "none" } as const;
/** Only an item, which has 1000 bytes itself, makes an answer longer. */
const MAX_ITEM_ANSWER = 1400;
const infoHash = new Uint8Array(20).fill(7);
const random = seededRandom(5);
const publicKey = new Uint8Array(32).fill(3);

function address(family: 4 | 6, number: number): Endpoint {
  const hostname = family === 4
    ? `5.${number >> 8}.${number & 255}.9`
    : `2a00:${number.toString(16)}::9`;
  return { hostname, port: 40_000 };
}

/** A node with as much of everything as it can have. */
function makeFull(): MachineBench {
  const bench = new MachineBench({
    families: [4, 6],
    version: new Uint8Array(16),
    limits: { maxPackets: Infinity, replyBytesPerSecond: Infinity },
  });
  for (const family of [4, 6] as const) {
    for (let i = 0; i < 60; i++) {
      const to = address(family, i);
      bench.input({ type: "ping", requestId: i, address: to });
      const asked = bench.takeQueries().find(([, { method }]) =>
        method === "ping"
      );
      bench.answer(asked!, { id: randomNodeId(random) });
    }
    bench.takeQueries();
    assert(bench.machine.bestNodes(family).length > 50);
    for (let i = 0; i < 150; i++) {
      announce(bench, address(family, i), infoHash);
      announce(bench, address(family, i), randomNodeId(random));
    }
  }
  return bench;
}

function announce(bench: MachineBench, from: Endpoint, infoHash: Uint8Array) {
  const reply = bench.ask({ method: "get_peers", infoHash }, from);
  assert(reply?.type === "response" && reply.token !== undefined);
  const { token } = reply;
  const port = 50_000;
  bench.ask({ method: "announce_peer", infoHash, port, token }, from);
}

/** Puts the longest items; gives their keys. */
function putItems(bench: MachineBench): Uint8Array[] {
  const body = new Uint8Array(1000).fill(0x61);
  body.set(new TextEncoder().encode("996:"));
  const from = address(4, 1);
  return [false, true].map((isMutable) => {
    const target = isMutable
      ? mutableItemTarget(publicKey)
      : immutableItemTarget(body);
    const reply = bench.ask({ method: "get", target }, from);
    assert(reply?.type === "response" && reply.token !== undefined);
    const signature = new Uint8Array(64);
    const mutable = isMutable
      ? { publicKey, seq: 0x7fff_ffff_ffff_ffffn, signature }
      : undefined;
    const { token } = reply;
    bench.ask({ method: "put", value: body, token, mutable }, from);
    for (const out of bench.outputs.splice(0)) {
      if (out.type !== "verify") continue;
      const { verificationId } = out;
      bench.input({ type: "verified", verificationId, valid: true });
    }
    return target;
  });
}

type Body = Record<string, unknown> & Pick<KrpcQuery, "method">;

function queries(items: readonly Uint8Array[]): [Body, number][] {
  const [immutable, mutable] = items;
  const target = infoHash;
  const want = [4, 6];
  return [
    [{ method: "ping" }, 2],
    [{ method: "find_node", target }, 5],
    [{ method: "find_node", target, want }, 8],
    [{ method: "get_peers", infoHash }, 11],
    [{ method: "get_peers", infoHash, want }, 11],
    [{ method: "get_peers", infoHash, scrape: true }, 11],
    [{ method: "get_peers", infoHash, scrape: true, want }, 11],
    [{ method: "get", target: immutable }, 15],
    [{ method: "get", target: mutable }, 15],
    [{ method: "get", target: mutable, want }, 15],
    [{ method: "sample_infohashes", target }, 9],
    [{ method: "sample_infohashes", target, want }, 12],
  ];
}

Deno.test(
  "no answer is longer than a datagram, nor much longer than its query",
  none,
  () => {
    const bench = makeFull();
    const items = putItems(bench);
    for (const family of [4, 6] as const) {
      for (const length of [2, MAX_TRANSACTION_ID_LENGTH]) {
        for (const [body, factor] of queries(items)) {
          check(bench, family, body, factor, length);
        }
      }
    }
  },
);

function check(
  bench: MachineBench,
  family: 4 | 6,
  body: Body,
  factor: number,
  transactionIdLength: number,
): void {
  const transactionId = new Uint8Array(transactionIdLength).fill(9);
  const base = { type: "query", transactionId, id, readOnly: true };
  const query = encodeKrpc({ ...base, ...body } as KrpcQuery).slice();
  const before = bench.sent.length;
  const from = address(family, 999);
  bench.input({ type: "datagram", data: query, from });
  const [, reply, answered] = bench.sent[before]!;
  assert(reply.type === "response");
  const { method } = body;
  const what = `${method} of IPv${family}: ${query.length} -> ${answered}`;
  assert(
    answered <= (method === "get" ? MAX_ITEM_ANSWER : MAX_KRPC_LENGTH),
    what,
  );
  assert(answered <= factor * query.length, what);
  if (method === "ping" || method === "get") return;
  const nodes = family === 4 ? reply.nodes : reply.nodes6;
  assert(nodes !== undefined && nodes.length > 0, what);
}

Deno.test("refusals and junk give nothing to a forger", none, () => {
  const bench = new MachineBench({ version: new Uint8Array(4) });
  const base = {
    type: "query",
    transactionId: Uint8Array.of(1, 2),
    id,
    readOnly: true,
  } as const;
  const token = new Uint8Array(8);
  for (
    const query of [
      { ...base, method: "announce_peer", infoHash, port: 1, token },
      { ...base, method: "put", token, value: Uint8Array.of(0x69, 0x31, 0x65) },
    ] as const
  ) {
    bench.receive(query as KrpcQuery, address(4, 1));
    const [, reply, length] = bench.sent.pop()!;
    assert(reply.type === "error" && reply.code === 203);
    assert(length <= encodeKrpc(query as KrpcQuery).length, `${length}`);
  }
});
