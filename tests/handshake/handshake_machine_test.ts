import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  encodeHandshake,
  ExtensionBits,
  HandshakeError,
  type HandshakeHead,
} from "../../handshake/mod.ts";
import {
  HandshakeMachine,
  type HandshakeMachineOptions,
  type HandshakeOutput,
  type HandshakePolicy,
} from "../../handshake/handshake_machine.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(1);
const ours = new Uint8Array(20).fill(2);
const theirs = new Uint8Array(20).fill(3);
const hello = encodeHandshake({ infoHash, peerId: theirs });
const welcome: HandshakePolicy = {
  onHead: (head: HandshakeHead) => ({ ...head, peerId: ours }),
  onMessage: () => undefined,
};

function machine(options: Partial<HandshakeMachineOptions>): HandshakeMachine {
  return new HandshakeMachine({
    protocols: ["BitTorrent protocol"],
    policy: welcome,
    startedAt: 0,
    timeoutMs: 10_000,
    ...options,
  });
}

function drain(machine: HandshakeMachine): HandshakeOutput[] {
  const outputs: HandshakeOutput[] = [];
  for (let out = machine.poll(); out; out = machine.poll()) outputs.push(out);
  return outputs;
}

Deno.test(
  "inbound says nothing before the info-hash, then answers",
  none,
  () => {
    const inbound = machine({});
    assertEquals(drain(inbound), []);
    for (let i = 0; i < 47; i++) {
      inbound.handle({ type: "data", data: hello.subarray(i, i + 1) }, 1);
      assertEquals(drain(inbound), []);
    }
    inbound.handle({ type: "data", data: hello.subarray(47, 48) }, 1);
    const [answer, ...more] = drain(inbound);
    assert(answer?.type === "send");
    assertEquals(answer.data, encodeHandshake({ infoHash, peerId: ours }));
    assertEquals(more, []);
    assertEquals(inbound.needed, 20);
    inbound.handle({ type: "data", data: hello.subarray(48) }, 2);
    const [done] = drain(inbound);
    assert(done?.type === "complete");
    assertEquals(done.message.peerId, theirs);
    assert(inbound.over);
    assertEquals(inbound.deadline, undefined);
  },
);

Deno.test("outbound speaks first", none, () => {
  const extensions = ExtensionBits.of("fast");
  const opening = { infoHash, peerId: ours, extensions };
  const outbound = machine({
    opening,
    policy: { onHead: () => undefined, onMessage: () => undefined },
  });
  const [first] = drain(outbound);
  assert(first?.type === "send");
  assertEquals(first.data, encodeHandshake(opening));
  outbound.handle({ type: "data", data: hello }, 1);
  const [done, ...more] = drain(outbound);
  assert(done?.type === "complete");
  assertEquals(done.sent, opening);
  assertEquals(more, []);
});

Deno.test(
  "a refusal of the head or of the whole ends it without an answer",
  none,
  () => {
    const error = new HandshakeError("blocked", "No");
    const early = machine({ policy: { ...welcome, onHead: () => error } });
    early.handle({ type: "data", data: hello }, 1);
    assertEquals(drain(early), [{ type: "fail", error }]);
    const late = machine({ policy: { ...welcome, onMessage: () => error } });
    late.handle({ type: "data", data: hello }, 1);
    assertEquals(drain(late).map((output) => output.type), ["send", "fail"]);
  },
);

Deno.test("time runs out once, and not after the end", none, () => {
  const slow = machine({ startedAt: 5 });
  assertEquals(slow.deadline, 10_005);
  slow.handleTimeout(10_004);
  assert(!slow.over);
  slow.handle({ type: "data", data: hello.subarray(0, 60) }, 10_004);
  drain(slow);
  slow.handleTimeout(10_005);
  const [end, ...more] = drain(slow);
  assert(end?.type === "fail");
  assertEquals(end.error.code, "handshake-timeout");
  assertEquals(more, []);
  slow.handle({ type: "data", data: hello.subarray(60) }, 10_006);
  slow.handle({ type: "end" }, 10_006);
  slow.handleTimeout(99_999);
  assertEquals(drain(slow), []);
  assertEquals(slow.needed, 0);
});

Deno.test(
  "the end of the connection and wrong bytes are failures",
  none,
  () => {
    const cause = new Error("reset");
    const lost = machine({});
    lost.handle({ type: "end", cause }, 1);
    const [end] = drain(lost);
    assert(end?.type === "fail");
    assertEquals(end.error.code, "connection-lost");
    assertEquals(end.error.cause, cause);
    const http = machine({});
    http.handle({ type: "data", data: new TextEncoder().encode("GET /") }, 1);
    const [wrong] = drain(http);
    assert(wrong?.type === "fail");
    assertEquals(wrong.error.code, "protocol-mismatch");
  },
);

Deno.test("mistakes of the caller throw", none, () => {
  const mute = machine({
    policy: { onHead: () => undefined, onMessage: () => undefined },
  });
  assertThrows(
    () => mute.handle({ type: "data", data: hello }, 1),
    TypeError,
  );
  const opening = { infoHash: new Uint8Array(19), peerId: ours };
  assertThrows(() => machine({ opening }), RangeError);
});
