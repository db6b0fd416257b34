import { assertEquals } from "@std/assert";
import { encodeExtensionHandshake } from "../../../peer/extension_handshake.ts";
import {
  ANSWER_SEND_WATERMARK,
  EXTENDED_BYTES,
  GOSSIP_COST,
  HANDSHAKE_COST,
  JUNK_BYTES,
  MAX_EXTENSION_HANDSHAKES,
  USUAL_EXTENDED,
} from "../../../peer/limits.ts";
import type { PeerMessage } from "../../../peer/message.ts";
import type { SessionCore } from "../../../peer/session/session_core.ts";
import type { DownloadSide } from "../../../peer/session/session_download.ts";
import { ExtensionSide } from "../../../peer/session/session_extensions.ts";
import type { PeerSessionEvent } from "../../../peer/session_types.ts";
import {
  encodeDontHave,
  encodeUploadOnly,
} from "../../../peer/small_extensions.ts";
import { encodeUtMetadata } from "../../../peer/ut_metadata.ts";
import { encodeUtPex } from "../../../peer/ut_pex.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `ExtensionSide ${name}`, permissions: "none", fn });

/** A side whose core notes what is sent, told and charged. */
function setUp() {
  const sent: PeerMessage[] = [];
  const events: PeerSessionEvent[] = [];
  const costs: number[] = [];
  const lost: number[] = [];
  const core = {
    bufferedBytes: 0,
    send: (message: PeerMessage) => void sent.push(message),
    emit: (event: PeerSessionEvent) => void events.push(event),
    spend: (cost: number) => void costs.push(cost),
    odd: (cost = -1) => void costs.push(cost),
  };
  const download = {
    peerQueue: 0,
    onDontHave: (i: number) => void lost.push(i),
  };
  const side = new ExtensionSide(
    {},
    core as unknown as SessionCore,
    download as unknown as DownloadSide,
  );
  const ids = side.registry.localIds;
  const receive = (name: string, payload: Uint8Array, now = 0) => {
    const id = name === "" ? 0 : ids.get(name) ?? 99;
    side.onMessage({ type: "extended", id, payload }, now);
    return { events: events.splice(0), costs: costs.splice(0) };
  };
  const greet = (names: readonly string[], now = 0) =>
    receive(
      "",
      encodeExtensionHandshake({
        messageIds: new Map(names.map((name, i) => [name, i + 1])),
        requestQueue: 77,
      }),
      now,
    );
  return { side, core, download, sent, lost, receive, greet };
}

test("takes handshakes, as many as anybody needs", () => {
  const { greet, download, side } = setUp();
  const first = greet(["ut_pex"]);
  assertEquals(first.events.length, 1);
  assertEquals(first.costs.includes(HANDSHAKE_COST), true);
  assertEquals(download.peerQueue, 77);
  assertEquals(side.registry.remoteId("ut_pex"), 1);
  for (let i = 2; i <= MAX_EXTENSION_HANDSHAKES; i++) {
    assertEquals(greet([]).events.length, 1);
  }
  assertEquals(greet([]).events, []);
  assertEquals(greet([], 10_000).events.length, 1);
});

test("sends what the peer speaks, and its own address once", () => {
  const { side, greet, sent } = setUp();
  const payload = Uint8Array.of(1, 2);
  assertEquals(side.send("ut_pex", payload, 0), false);
  greet(["x", "ut_pex"]);
  assertEquals(side.send("ut_pex", payload, 0), true);
  assertEquals(sent, [{ type: "extended", id: 2, payload }]);
  side.sendHandshake(0, { yourIp: Uint8Array.of(1, 2, 3, 4) });
  side.sendHandshake(0);
  const lengths = sent.slice(1).map((message) =>
    message.type === "extended" ? message.payload.length : 0
  );
  // "6:yourip" and four bytes with their length.
  assertEquals(lengths[0]! - lengths[1]!, 8 + 6);
});

test("charges for what it did not ask for", () => {
  const { side, greet, receive } = setUp();
  greet(["ut_metadata", "ut_pex"]);
  const answer = encodeUtMetadata({ type: "reject", piece: 3 });
  const costs = () => receive("ut_metadata", answer).costs;
  assertEquals(costs(), [answer.length / EXTENDED_BYTES]);
  side.send("ut_pex", answer, 0);
  assertEquals(costs().length, 1);
  // An answer of ours asks for nothing.
  side.send("ut_metadata", answer, 0);
  assertEquals(costs().length, 1);
  const question = encodeUtMetadata({ type: "request", piece: 3 });
  side.send("ut_metadata", question, 0);
  side.send("ut_metadata", question, 0);
  const hint = encodeUploadOnly(false);
  assertEquals(receive("upload_only", hint).costs, [1 / EXTENDED_BYTES]);
  assertEquals([costs(), costs(), costs().length], [[], [], 1]);
  // Nor is more welcome than an answer has.
  side.send("ut_metadata", question, 0);
  const data = new Uint8Array(100_000);
  const long = encodeUtMetadata({ type: "data", piece: 3, totalSize: 9, data });
  const { costs: [price] } = receive("ut_metadata", long);
  assertEquals(
    price,
    USUAL_EXTENDED / EXTENDED_BYTES +
      (long.length - USUAL_EXTENDED) / JUNK_BYTES,
  );
});

test("refuses questions while answers pile up", () => {
  const { core, sent, greet, receive } = setUp();
  greet(["ut_metadata"]);
  const ask = () =>
    receive("ut_metadata", encodeUtMetadata({ type: "request", piece: 2 }));
  core.bufferedBytes = ANSWER_SEND_WATERMARK;
  assertEquals(ask().events.map(({ type }) => type), ["metadata"]);
  core.bufferedBytes++;
  assertEquals(ask().events, []);
  const payload = encodeUtMetadata({ type: "reject", piece: 2 });
  assertEquals(sent, [{ type: "extended", id: 1, payload }]);
  // Answers to ours are taken.
  assertEquals(receive("ut_metadata", payload).events.length, 1);
});

test("takes two messages of pex at once, then one in 50 s", () => {
  const { receive } = setUp();
  const payload = encodeUtPex({ added: [], dropped: [] });
  const counts = [0, 1, 2, 49_999, 50_000, 50_001, 99_999, 100_000].map(
    (now) => receive("ut_pex", payload, now).events.length,
  );
  assertEquals(counts, [1, 1, 0, 0, 1, 0, 0, 1]);
  assertEquals(receive("ut_pex", payload, 1e6).costs.at(-1), GOSSIP_COST);
});

test("hands the rest out by name, and passes junk over", () => {
  const { receive, greet, lost, side } = setUp();
  receive("lt_donthave", encodeDontHave(5));
  assertEquals(lost, [5]);
  for (const [value, told] of [[true, 1], [true, 0], [false, 1]] as const) {
    const { events } = receive("upload_only", encodeUploadOnly(value));
    assertEquals(events.length, told);
    assertEquals(side.uploadOnly, value);
  }
  // Only a peer that offers holepunch may use it (BEP 55).
  const punch = Uint8Array.of(0, 0, 1, 2, 3, 4, 0, 80, 0, 0, 0, 0);
  assertEquals(receive("ut_holepunch", punch).events, []);
  greet(["ut_holepunch"]);
  assertEquals(
    receive("ut_holepunch", punch).events.map(({ type }) => type),
    ["holepunch"],
  );
  assertEquals(receive("?", new Uint8Array(16)).costs, [16 / JUNK_BYTES]);
  const { events, costs } = receive("lt_donthave", new Uint8Array(1));
  assertEquals([events, costs.at(-1)], [[], -1]);
});
