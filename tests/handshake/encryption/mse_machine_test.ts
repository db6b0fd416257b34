import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { concatBytes } from "../../../_shared/bytes.ts";
import { seededRandom } from "../../../_shared/random.ts";
import {
  MSE_KEY_LENGTH,
  MseKeyPair,
} from "../../../handshake/encryption/key_exchange.ts";
import {
  type InboundMseOptions,
  MseMachine,
  type MseMethod,
  type MseOutput,
  mseTorrentHash,
  type OutboundMseOptions,
} from "../../../handshake/encryption/mse_machine.ts";
import { Rc4 } from "../../../handshake/encryption/rc4.ts";
import { sha1 } from "../../../_shared/sha1.ts";
import {
  encodeHandshake,
  handshakeHeader,
} from "../../../handshake/message.ts";

const infoHash = new Uint8Array(20).fill(7);
const hello = encodeHandshake({ infoHash, peerId: new Uint8Array(20).fill(1) });
const header = handshakeHeader("BitTorrent protocol");

function caller(
  seed: number,
  options: Partial<OutboundMseOptions> = {},
): MseMachine {
  return new MseMachine({
    direction: "outbound",
    infoHash,
    initialPayload: hello,
    methods: ["plaintext", "rc4"],
    random: seededRandom(seed),
    startedAt: 0,
    timeoutMs: 10_000,
    ...options,
  });
}

function answerer(
  seed: number,
  options: Partial<InboundMseOptions> = {},
): MseMachine {
  const name = mseTorrentHash(infoHash).toHex();
  return new MseMachine({
    direction: "inbound",
    headers: [header],
    plainAllowed: true,
    admit: () => true,
    findInfoHash: (hash) => hash.toHex() === name ? infoHash : undefined,
    methods: ["plaintext", "rc4"],
    random: seededRandom(seed),
    startedAt: 0,
    timeoutMs: 10_000,
    ...options,
  });
}

type Ending = Exclude<MseOutput, { type: "send" }>;

/** Carries bytes both ways, some at a time, never more than a side needs. */
function meet(
  a: MseMachine,
  b: MseMachine,
  step = Infinity,
): [Ending | undefined, Ending | undefined, number] {
  const ends: [Ending | undefined, Ending | undefined] = [undefined, undefined];
  const pipes = [new Uint8Array(0), new Uint8Array(0)];
  let most = 0;
  for (let moved = true; moved;) {
    moved = false;
    for (const [side, machine] of [a, b].entries()) {
      for (let out = machine.poll(); out !== undefined; out = machine.poll()) {
        if (out.type === "send") {
          pipes[side] = concatBytes([pipes[side]!, out.data]);
        } else ends[side] = out;
        moved = true;
      }
      const pipe = pipes[1 - side]!;
      const length = Math.min(step, machine.needed, pipe.length);
      if (length === 0) continue;
      most = Math.max(most, machine.needed);
      machine.handle({ type: "data", data: pipe.slice(0, length) }, 1);
      pipes[1 - side] = pipe.slice(length);
      moved = true;
    }
  }
  // What was not read stays on the wire.
  for (const [side, end] of ends.entries()) {
    if (end?.type !== "complete") continue;
    end.ciphers?.incoming.process(pipes[1 - side]!);
    ends[side] = {
      ...end,
      payload: concatBytes([end.payload, pipes[1 - side]!]),
    };
  }
  return [...ends, most];
}

Deno.test("both sides agree, whatever arrives at a time", () => {
  const cases: [MseMethod[], MseMethod[], boolean][] = [
    [["plaintext", "rc4"], ["plaintext", "rc4"], false],
    [["rc4"], ["plaintext", "rc4"], true],
    [["plaintext", "rc4"], ["rc4"], true],
    [["plaintext"], ["plaintext"], false],
  ];
  for (const [offered, accepted, encrypted] of cases) {
    for (const step of [1, 7, Infinity]) {
      const [a, b, most] = meet(
        caller(step, { methods: offered }),
        answerer(99, { methods: accepted }),
        step,
      );
      assert(a?.type === "complete" && b?.type === "complete");
      assertEquals(a.ciphers !== undefined, encrypted);
      assertEquals(b.ciphers !== undefined, encrypted);
      assertEquals([a.exchanged, b.exchanged], [true, true]);
      assertEquals(b.payload, hello);
      assertEquals(a.payload.length, 0);
      assert(most <= 532);
      if (!encrypted) continue;
      const text = new Uint8Array(1000).map((_, i) => i);
      for (const [from, to] of [[a, b], [b, a]] as const) {
        const bytes = text.slice();
        from.ciphers!.outgoing.process(bytes);
        assert(bytes.some((byte, i) => byte !== text[i]));
        to.ciphers!.incoming.process(bytes);
        assertEquals(bytes, text);
      }
    }
  }
});

function codeOf(end: Ending | undefined): string | undefined {
  return end?.type === "fail" ? end.error.code : end?.type;
}

Deno.test("no common method is a refusal, and the caller sees no answer", () => {
  const b = answerer(2, { methods: ["plaintext"] });
  const [a, end] = meet(caller(1, { methods: ["rc4"] }), b);
  assertEquals([codeOf(a), codeOf(end)], [undefined, "encryption-refused"]);
});

Deno.test("another torrent is unknown", () => {
  const other = { infoHash: new Uint8Array(20) };
  const [, end] = meet(caller(1, other), answerer(2));
  assertEquals(codeOf(end), "unknown-info-hash");
});

Deno.test("a plain handshake is told apart by its whole header", () => {
  const plain = answerer(1);
  plain.handle({ type: "data", data: hello.subarray(0, 19) }, 0);
  assertEquals([plain.needed, plain.poll()], [1, undefined]);
  plain.handle({ type: "data", data: hello.subarray(19, 20) }, 0);
  assertEquals(plain.poll(), {
    type: "complete",
    exchanged: false,
    payload: header,
  });
  const strict = answerer(1, { plainAllowed: false });
  strict.handle({ type: "data", data: header }, 0);
  assertEquals(codeOf(strict.poll() as Ending), "encryption-refused");
  // A key may begin like a header.
  const keyed = answerer(1);
  const bytes = new Uint8Array(MSE_KEY_LENGTH).fill(9);
  bytes.set(header.subarray(0, 19));
  keyed.handle({ type: "data", data: bytes.subarray(0, 20) }, 0);
  assertEquals(keyed.needed, MSE_KEY_LENGTH - 20);
  keyed.handle({ type: "data", data: bytes.subarray(20) }, 0);
  assertEquals(keyed.poll()?.type, "send");
});

Deno.test("an answer in the clear ends the call at once", () => {
  const machine = caller(1);
  machine.poll();
  machine.handle({ type: "data", data: header }, 0);
  assertEquals(codeOf(machine.poll() as Ending), "encryption-failed");
});

Deno.test("keys that leave no secret fail, others do not", () => {
  const prime = BigInt("0x" + "f".repeat(16) + PRIME_REST);
  for (
    const [key, ok] of [
      [0n, false],
      [1n, false],
      [2n, true],
      [prime - 2n, true],
      [prime - 1n, false],
      [prime, false],
      [prime + 5n, false],
    ] as const
  ) {
    const bytes = Uint8Array.fromHex(key.toString(16).padStart(192, "0"));
    for (const machine of [caller(3), answerer(3)]) {
      machine.handle({ type: "data", data: bytes }, 0);
      const codes: (string | undefined)[] = [];
      for (let o = machine.poll(); o !== undefined; o = machine.poll()) {
        if (o.type !== "send") codes.push(codeOf(o));
      }
      assertEquals(codes, ok ? [] : ["encryption-failed"]);
    }
  }
});
const PRIME_REST =
  "c90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563";

Deno.test("padding ends within 512 bytes or not at all", () => {
  for (const inbound of [true, false]) {
    const machine = inbound ? answerer(5) : caller(5);
    const keys = new MseKeyPair(seededRandom(6));
    machine.handle({ type: "data", data: keys.publicKey }, 0);
    const most = inbound ? 532 : 520;
    assertEquals(machine.needed, most);
    machine.handle({ type: "data", data: new Uint8Array(most - 1) }, 0);
    assertEquals(machine.needed, 1);
    machine.handle({ type: "data", data: new Uint8Array(1) }, 0);
    assert(machine.over);
    let last: MseOutput | undefined;
    for (let out = machine.poll(); out; out = machine.poll()) last = out;
    assertEquals(codeOf(last as Ending), "encryption-failed");
  }
});

Deno.test("fields out of bounds fail", () => {
  // What the caller sends behind the hashes is rebuilt with one wrong field.
  const tampered = (change: (plain: Uint8Array) => void) => {
    const random = seededRandom(11);
    const keys = new MseKeyPair(random);
    const b = answerer(12);
    b.handle({ type: "data", data: keys.publicKey }, 0);
    const sent = b.poll();
    assert(sent?.type === "send");
    const secret = keys.secretWith(sent.data.subarray(0, MSE_KEY_LENGTH))!;
    const text = (value: string) => new TextEncoder().encode(value);
    const hash = (...parts: Uint8Array[]) => sha1(concatBytes(parts));
    const name = mseTorrentHash(infoHash)
      .map((byte, i) => byte ^ hash(text("req3"), secret)[i]!);
    const cipher = new Rc4(hash(text("keyA"), secret, infoHash), 1024);
    const plain = new Uint8Array(16 + 600 + 100);
    plain[11] = 3;
    change(plain);
    cipher.process(plain);
    b.handle({
      type: "data",
      data: concatBytes([hash(text("req1"), secret), name, plain]),
    }, 0);
    let last: MseOutput | undefined;
    for (let out = b.poll(); out; out = b.poll()) last = out;
    return codeOf(last as Ending);
  };
  assertEquals(tampered(() => {}), "complete");
  assertEquals(tampered((plain) => plain[7] = 1), "encryption-failed");
  assertEquals(tampered((plain) => plain[11] = 0), "encryption-refused");
  assertEquals(tampered((plain) => plain[11] = 4), "encryption-refused");
  // 512 bytes of padding are the most, 68 of payload alike.
  const sized = (pad: number, payload: number) =>
    tampered((plain) => {
      plain[12] = pad >> 8;
      plain[13] = pad & 255;
      plain[14 + pad] = payload >> 8;
      plain[15 + pad] = payload & 255;
    });
  assertEquals(sized(512, 68), "complete");
  assertEquals(sized(513, 0), "encryption-failed");
  assertEquals(sized(0, 69), "encryption-failed");
});

Deno.test("an answer chooses one method that was offered", () => {
  // What the answerer sends behind its key is made with fields of our choice.
  const answered = (
    methods: MseMethod[],
    select: number,
    { pad = 0, zero = 0 } = {},
  ) => {
    const a = caller(21, { methods });
    const sent = a.poll();
    assert(sent?.type === "send");
    const keys = new MseKeyPair(seededRandom(22));
    const secret = keys.secretWith(sent.data.subarray(0, MSE_KEY_LENGTH))!;
    const keyB = new TextEncoder().encode("keyB");
    const hash = sha1(concatBytes([keyB, secret, infoHash]));
    const plain = new Uint8Array(14 + pad);
    plain[0] = zero;
    plain.set([select >>> 24, select >> 16, select >> 8, select], 8);
    plain.set([pad >> 8, pad], 12);
    new Rc4(hash, 1024).process(plain);
    a.handle({ type: "data", data: concatBytes([keys.publicKey, plain]) }, 0);
    let last: MseOutput | undefined;
    for (let out = a.poll(); out; out = a.poll()) last = out;
    return codeOf(last as Ending);
  };
  const both: MseMethod[] = ["plaintext", "rc4"];
  for (const select of [1, 2]) {
    assertEquals(answered(both, select), "complete");
  }
  for (const select of [0, 3, 4, 0x01000002, 0x80000001]) {
    assertEquals(answered(both, select), "encryption-failed", `${select}`);
  }
  assertEquals(answered(["rc4"], 1), "encryption-failed");
  assertEquals(answered(["plaintext"], 2), "encryption-failed");
  assertEquals(answered(both, 2, { pad: 512 }), "complete");
  assertEquals(answered(both, 2, { pad: 513 }), "encryption-failed");
  // Its mark does not come, and there may be padding before it.
  assertEquals(answered(both, 2, { zero: 1 }), "send");
});

Deno.test("what comes right behind an answer is payload", () => {
  for (const [select, method] of [[1, "plaintext"], [2, "rc4"]] as const) {
    const a = caller(31, { methods: [method] });
    const sent = a.poll();
    assert(sent?.type === "send");
    const keys = new MseKeyPair(seededRandom(32));
    const secret = keys.secretWith(sent.data.subarray(0, MSE_KEY_LENGTH))!;
    const keyB = new TextEncoder().encode("keyB");
    const cipher = new Rc4(sha1(concatBytes([keyB, secret, infoHash])), 1024);
    const answer = new Uint8Array(14);
    answer[11] = select;
    cipher.process(answer);
    const payload = hello.slice(0, 20);
    if (method === "rc4") cipher.process(payload);
    const all = concatBytes([keys.publicKey, answer, payload]);
    assertEquals(a.deadline, 10_000);
    a.handle({ type: "data", data: all }, 0);
    a.poll();
    const end = a.poll();
    assert(end?.type === "complete");
    assertEquals(end.payload, hello.subarray(0, 20));
    assertEquals([a.needed, a.deadline], [0, undefined]);
  }
});

Deno.test("time and the end of the connection", () => {
  const late = answerer(1);
  assertEquals(late.deadline, 10_000);
  late.handleTimeout(9_999);
  assertEquals(late.poll(), undefined);
  late.handleTimeout(10_000);
  assertEquals(codeOf(late.poll() as Ending), "handshake-timeout");
  assertEquals(late.deadline, undefined);
  const ended = answerer(1);
  ended.handle({ type: "end" }, 0);
  assertEquals(codeOf(ended.poll() as Ending), "connection-lost");
  // A caller whose peer knows the protocol, and leaves at the torrent's name.
  const asking = caller(1);
  asking.poll();
  const key = caller(2).poll();
  assert(key?.type === "send");
  asking.handle({ type: "data", data: key.data.slice(0, MSE_KEY_LENGTH) }, 0);
  asking.poll();
  asking.handle({ type: "end" }, 0);
  const left = asking.poll() as Ending;
  assertEquals(codeOf(left), "connection-lost");
  assert(left.type === "fail");
  assertStringIncludes(left.error.message, "it may not have");
  const busy = answerer(1, { admit: () => false });
  busy.handle({ type: "data", data: Uint8Array.of(1) }, 0);
  assertEquals(codeOf(busy.poll() as Ending), "overloaded");
});
