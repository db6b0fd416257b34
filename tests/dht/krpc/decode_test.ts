import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  concatBytes,
  encodeText,
  fromByteString,
  toByteString,
  toHex,
  tryFromHex,
} from "../../../_shared/bytes.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { encodeBencode } from "../../../bencode/encode.ts";
import { ItemStore } from "../../../dht/server/item_store.ts";
import type { KrpcMessage } from "../../../dht/krpc.ts";
import { tryDecodeKrpc } from "../../../dht/krpc/decode.ts";
import { encodeKrpc } from "../../../dht/krpc/encode.ts";
import { vectorTest } from "../../support/protocol_vectors.ts";
import { generateKrpc } from "./krpc_generate.ts";

const none = { permissions: "none" } as const;
const id = encodeText("abcdefghij0123456789");
const transactionId = encodeText("aa");

/** Decodes text in which a `#` stands for a 20-byte string. */
function decode(text: string) {
  const full = text.replaceAll("#", "20:abcdefghij0123456789");
  return tryDecodeKrpc(fromByteString(full));
}

function outcome(text: string): string {
  const message = decode(text);
  if (message.type === "drop") return `drop ${message.reason}`;
  return message.type === "error-reply"
    ? `reply ${message.code}`
    : message.type;
}

vectorTest("krpc", (vector) => {
  const bytes = tryFromHex(vector.hex)!;
  const message = tryDecodeKrpc(bytes);
  const { type } = message;
  switch (vector.expected) {
    case "well-formed": {
      assert(type !== "drop" && type !== "error-reply", vector.name);
      // Two have what we read past: a stub of nodes, an unknown `want`.
      const isLossy = vector.name === "bep5-get_peers-response-nodes" ||
        vector.name === "get_peers-want-unknown";
      if (!isLossy) {
        assertEquals(toHex(encodeKrpc(message)), vector.hex, vector.name);
      }
      break;
    }
    case "malformed":
      assert(type === "drop" || type === "error-reply", vector.name);
      break;
    default: {
      const code = /\d+$/.exec(vector.expected!)?.[0];
      if (message.type === "error-reply") {
        assertEquals(message.code, Number(code ?? 203), vector.name);
        break;
      }
      assert(message.type === "query" && message.method === "put");
      const store = new ItemStore(id, seededRandom(1));
      const refusal = store.refusal(message, Uint8Array.of(1, 2, 3, 4), 0);
      assertEquals(refusal?.code, Number(code), vector.name);
    }
  }
});

Deno.test(
  "round trips of generated messages, and all their prefixes",
  none,
  () => {
    const seed = 20251;
    console.log(`seed ${seed}`);
    let count = 0;
    for (const message of generateKrpc(seededRandom(seed))) {
      const bytes = encodeKrpc(message);
      assertEquals(tryDecodeKrpc(bytes) as KrpcMessage, message);
      if (count % 10 === 0) {
        for (let end = 0; end < bytes.length; end++) {
          const prefix = tryDecodeKrpc(bytes.subarray(0, end));
          assert(prefix.type === "drop", `prefix of ${end} bytes`);
        }
      }
      if (++count === 600) break;
    }
  },
);

Deno.test("generated messages are canonical bencode", none, () => {
  let count = 0;
  for (const message of generateKrpc(seededRandom(7))) {
    if (message.type !== "response" || message.value !== undefined) continue;
    const expected = encodeBencode({
      ip: message.ip,
      r: {
        id: message.id,
        nodes: message.nodes,
        nodes6: message.nodes6,
        values: message.values,
        token: message.token,
        BFsd: message.seedFilter,
        BFpe: message.peerFilter,
        k: message.publicKey,
        sig: message.signature,
        seq: message.seq,
        interval: message.interval,
        num: message.count,
        samples: message.samples,
      },
      t: message.transactionId,
      v: message.version,
      y: "r",
    });
    assertEquals(toHex(encodeKrpc(message)), toHex(expected));
    if (++count === 100) break;
  }
});

Deno.test("junk is dropped with a reason", none, () => {
  assertEquals(outcome(""), "drop too-short");
  assertEquals(outcome("d1:t1:a1:y1:q"), "drop too-short");
  assertEquals(outcome("i1234567890123456e"), "drop not-bencode");
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:t2:aa1:y1:qex"),
    "drop not-bencode",
  );
  assertEquals(
    outcome("d1:ai5e1:q4:pingi1ei2e1:t2:aa1:y1:qe"),
    "drop not-bencode",
  );
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:y1:qe"),
    "drop no-transaction-id",
  );
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:t0:1:y1:qe"),
    "drop no-transaction-id",
  );
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:ti1e1:y1:qe"),
    "drop no-transaction-id",
  );
  assertEquals(outcome("d1:ad2:id#e1:q4:ping1:t2:aae"), "drop unknown-type");
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:t2:aa1:y2:qqe"),
    "drop unknown-type",
  );
  assertEquals(
    outcome("d1:ad2:id#e1:q4:ping1:t2:aa1:yi1ee"),
    "drop unknown-type",
  );
  assertEquals(
    outcome("d1:rd2:id19:aaaaaaaaaaaaaaaaaaae1:t2:aa1:y1:re"),
    "drop bad-response",
  );
  assertEquals(outcome("d1:rle1:t2:aa1:y1:re"), "drop bad-response");
  assertEquals(outcome("d1:el1:a1:be1:t2:aa1:y1:ee"), "drop bad-error");
  const malformed = decode("d1:rde1:t2:aa1:y1:re");
  assert(malformed.type === "drop");
  assertEquals(malformed.transactionId, transactionId);
});

Deno.test(
  "malformed queries are answered with 203, unknown ones with 204",
  none,
  () => {
    const query = (args: string, method: string) =>
      `d1:a${args}1:q${method.length}:${method}1:t2:aa1:y1:qe`;
    const malformed = [
      ["de", "ping"],
      ["le", "ping"],
      ["4:oops", "ping"],
      ["d2:idi1ee", "ping"],
      ["d2:id#e", "find_node"],
      ["d2:id#6:target19:aaaaaaaaaaaaaaaaaaae", "find_node"],
      ["d2:id#9:info_hash21:aaaaaaaaaaaaaaaaaaaaae", "get_peers"],
      ["d2:id#4:porti1e5:token1:xe", "announce_peer"],
      ["d2:id#9:info_hash#4:porti0e5:token1:xe", "announce_peer"],
      ["d2:id#9:info_hash#4:porti65536e5:token1:xe", "announce_peer"],
      ["d2:id#9:info_hash#4:porti1ee", "announce_peer"],
      ["d2:id#9:info_hash#5:token1:xe", "announce_peer"],
      ["d2:id#e", "get"],
      ["d2:id#e", "sample_infohashes"],
      ["d2:id#5:token1:xe", "put"],
      ["d2:id#1:vi1ee", "put"],
      ["d2:id#5:token1:x1:vi01ee", "put"],
      ["d2:id#3:sig1:x5:token1:x1:vi1ee", "put"],
      ["d2:id#1:k1:k5:token1:x1:vi1ee", "put"],
    ] as const;
    for (const [args, method] of malformed) {
      assertEquals(outcome(query(args, method)), "reply 203", args + method);
    }
    assertEquals(outcome(query("d2:id#e", "vote")), "reply 204");
    assertEquals(outcome(query("d2:id#e", "")), "reply 204");
    // One that names a target is answered as find_node, for what may come.
    for (const name of ["6:target", "9:info_hash"]) {
      const future = decode(query(`d2:id#${name}#e`, "vote"));
      assert(future.type === "query" && future.method === "find_node");
      assertEquals(future.target, id);
      assertEquals(outcome(query(`d2:id#${name}1:ae`, "vote")), "reply 204");
    }
    assertEquals(outcome("d1:ad2:id#e1:qi1e1:t2:aa1:y1:qe"), "reply 203");
    const reply = decode("d1:q4:ping2:roi1e1:t2:aa1:y1:qe");
    assert(reply.type === "error-reply" && reply.readOnly === true);
    assertEquals(reply.transactionId, transactionId);
  },
);

Deno.test("keys may be unknown, unsorted or twice", none, () => {
  const message = decode(
    "d1:y1:q1:xd1:al1:bdeeli1eee1:t2:aa1:t2:bb1:q4:ping1:ad1:zi1e2:id#1:bleee",
  );
  assert(message.type === "query" && message.method === "ping");
  assertEquals(message.transactionId, transactionId);
});

Deno.test("optional fields of a wrong kind count as missing", none, () => {
  const message = decode(
    "d2:ip4:abcd1:rd4:BFpe3:abc4:BFsdi1e2:id#8:intervali21601e1:k3:abc" +
      "5:nodes3:abc6:nodes6i1e3:numi-1e7:samples3:abc3:seqi-1e3:sig1:a" +
      "5:tokeni1e6:valuesi1ee1:t2:aa1:v17:aaaaaaaaaaaaaaaaa1:y1:re",
  );
  assert(message.type === "response");
  for (const [key, value] of Object.entries(message)) {
    const isKept = ["type", "transactionId", "id"].includes(key);
    assertEquals(value !== undefined, isKept, key);
  }
});

Deno.test("limits, exactly and exceeded by one", none, () => {
  const transaction = (length: number) =>
    outcome(`d1:ad2:id#e1:q4:ping1:t${length}:${"a".repeat(length)}1:y1:qe`);
  assertEquals(transaction(64), "query");
  assertEquals(transaction(65), "drop no-transaction-id");
  const token = (length: number) => {
    const text = `${length}:${"a".repeat(length)}`;
    return outcome(
      `d1:ad2:id#9:info_hash#4:porti1e5:token${text}e1:q13:announce_peer1:t2:aa1:y1:qe`,
    );
  };
  assertEquals(token(256), "query");
  assertEquals(token(257), "reply 203");
  const put = (seq: string) =>
    outcome(
      `d1:ad2:id#1:k32:${"k".repeat(32)}3:seqi${seq}e3:sig64:${
        "s".repeat(64)
      }5:token1:x1:vi1ee1:q3:put1:t2:aa1:y1:qe`,
    );
  assertEquals(put("9223372036854775807"), "query");
  assertEquals(put("9223372036854775808"), "reply 203");
  assertEquals(put("99999999999999999999999999"), "reply 203");
  assertEquals(put("-1"), "reply 203");
  const error = (length: number) => {
    const message = decode(
      `d1:eli201e${length}:${"m".repeat(length)}e1:t2:aa1:y1:ee`,
    );
    assert(message.type === "error");
    return message.message.length;
  };
  assertEquals(error(256), 256);
  assertEquals(error(257), 256);
  const nodes = (length: number) =>
    outcome(`d1:rd2:id#5:nodes${length}:${"n".repeat(length)}e1:t2:aa1:y1:re`);
  assertEquals(nodes(52), "response");
  assertEquals(nodes(53), "drop bad-response");
  assertEquals(nodes(51), "drop bad-response");
});

Deno.test("an implied port makes up for a bad one", none, () => {
  const message = decode(
    "d1:ad2:id#12:implied_porti1e9:info_hash#4:porti70000e5:token1:xe" +
      "1:q13:announce_peer1:t2:aa1:y1:qe",
  );
  assert(message.type === "query" && message.method === "announce_peer");
  assertEquals([message.port, message.impliedPort], [0, true]);
});

Deno.test("depth and length cost nothing", none, () => {
  const depth = 30_000;
  const deep = "l".repeat(depth) + "e".repeat(depth);
  assertEquals(
    outcome(`d1:ad2:id#1:x${deep}e1:q4:ping1:t2:aa1:y1:qe`),
    "query",
  );
  assertEquals(
    outcome(`d1:ad2:id#5:token1:x1:v${deep}e1:q3:put1:t2:aa1:y1:qe`),
    "reply 203",
  );
  assertEquals(outcome(`d1:a${"l".repeat(60_000)}`), "drop not-bencode");
  assertEquals(
    outcome(`d1:a99999999999999999999:aaaaaaaaaa`),
    "drop not-bencode",
  );
});

Deno.test("the value of an item keeps its bytes", none, () => {
  const value = encodeBencode({ a: [2n ** 80n, "x"] });
  const bytes = encodeKrpc({ type: "response", transactionId, id, value });
  const message = tryDecodeKrpc(bytes);
  assert(message.type === "response");
  assertEquals(message.value, value);
  // Not canonical: nobody can have signed or hashed it so.
  const text = toByteString(bytes).replace("1:al", "1:bl1:al").slice(0, -1);
  assertEquals(tryDecodeKrpc(fromByteString(text)).type, "drop");
});

Deno.test("what cannot be encoded is refused", none, () => {
  const short = id.subarray(1);
  const base = { type: "response", transactionId, id } as const;
  assertThrows(() => encodeKrpc({ ...base, id: short }), RangeError, "20");
  assertThrows(() => encodeKrpc({ ...base, publicKey: id }), RangeError, "32");
  assertThrows(
    () => encodeKrpc({ ...base, peerFilter: id }),
    RangeError,
    "256",
  );
  assertThrows(() => encodeKrpc({ ...base, count: -1 }), RangeError, "-1");
  assertThrows(
    () =>
      encodeKrpc({
        type: "query",
        method: "find_node",
        transactionId,
        id,
        target: short,
      }),
    RangeError,
  );
  // A refusal leaves nothing behind in the shared buffer.
  assertEquals(tryDecodeKrpc(encodeKrpc(base)).type, "response");
});

Deno.test("messages longer than the buffer are written whole", none, () => {
  const values = Array.from({ length: 2000 }, () => new Uint8Array(18).fill(7));
  const bytes = encodeKrpc({ type: "response", transactionId, id, values });
  const message = tryDecodeKrpc(bytes);
  assert(message.type === "response");
  assertEquals(message.values, values);
});

Deno.test("views show what the datagram's buffer shows", none, () => {
  const bytes = encodeKrpc({
    type: "query",
    method: "ping",
    transactionId,
    id,
  });
  const inside = concatBytes([new Uint8Array(5), bytes, new Uint8Array(5)])
    .subarray(5, 5 + bytes.length);
  const message = tryDecodeKrpc(inside);
  assert(message.type === "query");
  assertEquals(message.id.buffer, inside.buffer);
  assertEquals(message.id, id);
});

Deno.test("datagrams never overwrite each other", none, () => {
  const kept: { bytes: Uint8Array; hex: string }[] = [];
  for (const message of generateKrpc(seededRandom(8))) {
    const bytes = encodeKrpc(message);
    kept.push({ bytes, hex: toHex(bytes) });
    if (kept.length === 300) break;
  }
  for (const { bytes, hex } of kept) assertEquals(toHex(bytes), hex);
});

Deno.test(
  "an error needs a number of at most 15 digits and a text",
  none,
  () => {
    const read = (list: string) =>
      tryDecodeKrpc(encodeText(`d1:e${list}1:t2:aa1:y1:ee`));
    const good = read("li201e2:hie");
    assert(good.type === "error");
    assertEquals([good.code, good.message], [201, "hi"]);
    for (
      const list of [
        "li1234567890123456e2:hie",
        "li201ei5ee",
        "li201ee",
        "2:hi",
      ]
    ) {
      const { type, transactionId } = {
        transactionId: undefined,
        ...read(list),
      };
      assertEquals([type, transactionId], ["drop", encodeText("aa")], list);
    }
  },
);
