import { encodeBencode } from "../../../bencode/encode.ts";
import {
  randomBytes,
  randomInt,
  type RandomSource,
} from "../../../_shared/random.ts";
import type {
  KrpcMessage,
  KrpcQuery,
  KrpcResponse,
} from "../../../dht/krpc.ts";

const WANTS = [[4], [6], [4, 6]] as const;

/** Draws messages of every kind, with and without their optional fields. */
export function* generateKrpc(
  random: RandomSource,
): Generator<KrpcMessage, void, undefined> {
  const bytes = (length: number) => randomBytes(random, length);
  const below = (limit: number) => randomInt(random, limit);
  const maybe = <T>(value: T): T | undefined =>
    below(2) === 0 ? value : undefined;
  const seq = () =>
    [0n, 9n, 2n ** 53n, 2n ** 63n - 1n, BigInt(below(1e9))][below(5)]!;
  const value = () =>
    encodeBencode(
      [bytes(below(40)), -below(1000), [1, [bytes(3)]], { a: { b: "c" } }][
        below(4)
      ]!,
    );
  while (true) {
    const base = {
      transactionId: bytes(1 + below(64)),
      version: maybe(bytes(1 + below(16))),
    };
    const ip = maybe(bytes(below(2) === 0 ? 6 : 18));
    const query = {
      ...base,
      type: "query",
      id: bytes(20),
      readOnly: below(2) === 0,
    } as const;
    const want = maybe(WANTS[below(3)]!);
    const target = bytes(20);
    const token = bytes(below(257));
    const queries: KrpcQuery[] = [
      { ...query, method: "ping" },
      { ...query, method: "find_node", target, want },
      {
        ...query,
        method: "get_peers",
        infoHash: target,
        want,
        noSeed: below(2) === 0,
        scrape: below(2) === 0,
      },
      {
        ...query,
        method: "announce_peer",
        infoHash: target,
        port: 1 + below(65535),
        impliedPort: below(2) === 0,
        token,
        seed: below(2) === 0,
      },
      { ...query, method: "get", target, seq: maybe(seq()), want },
      {
        ...query,
        ...(below(2) === 0 ? { target } : {}),
        method: "put",
        token,
        value: value(),
        mutable: maybe({
          publicKey: bytes(32),
          seq: seq(),
          signature: bytes(64),
          salt: maybe(bytes(below(70))),
          cas: maybe(seq()),
        }),
      },
      { ...query, method: "sample_infohashes", target, want },
    ];
    yield queries[below(queries.length)]!;
    const response: KrpcResponse = {
      ...base,
      type: "response",
      id: bytes(20),
      ip,
      nodes: maybe(bytes(26 * (1 + below(16)))),
      nodes6: maybe(bytes(38 * (1 + below(8)))),
      values: maybe(
        Array.from(
          { length: below(101) },
          () => bytes(below(2) === 0 ? 6 : 18),
        ),
      ),
      token: maybe(token),
      seedFilter: maybe(bytes(256)),
      peerFilter: maybe(bytes(256)),
      value: maybe(value()),
      publicKey: maybe(bytes(32)),
      signature: maybe(bytes(64)),
      seq: maybe(seq()),
      interval: maybe(below(21601)),
      count: maybe(below(1e9)),
      samples: maybe(bytes(20 * below(21))),
    };
    yield response;
    yield {
      ...base,
      type: "error",
      code: 201 + below(120),
      message: "Något fel ".repeat(below(10)),
      ip,
    };
  }
}
