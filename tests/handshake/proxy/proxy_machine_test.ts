import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromByteString, toByteString } from "../../../_shared/bytes.ts";
import { parseProxyUrl, ProxyError } from "../../../handshake/mod.ts";
import {
  ProxyMachine,
  type ProxyOutput,
} from "../../../handshake/proxy/proxy_machine.ts";
import {
  encodeSocksDatagram,
  tryDecodeSocksDatagram,
} from "../../../handshake/proxy/socks5.ts";

const none = { permissions: "none" } as const;
const OPEN = parseProxyUrl("socks5://127.0.0.1:1");
const LOGIN = parseProxyUrl("socks5://user:secret@127.0.0.1:1");
const HTTP = parseProxyUrl("http://user:secret@127.0.0.1:1");
const TARGET = { hostname: "192.0.2.1", port: 258 };
const REPLY = [5, 0, 0, 1, 10, 0, 0, 1, 4, 56];

function drain(machine: ProxyMachine): ProxyOutput[] {
  const outputs: ProxyOutput[] = [];
  for (let out = machine.poll(); out; out = machine.poll()) outputs.push(out);
  return outputs;
}

/** All outputs to answers in any pieces. */
function run(machine: ProxyMachine, answers: readonly Uint8Array[]) {
  const sent: number[][] = [];
  let end: ProxyOutput | undefined;
  const take = () => {
    for (const out of drain(machine)) {
      if (out.type === "send") sent.push([...out.data]);
      else end = out;
    }
  };
  take();
  for (const answer of answers) {
    machine.handle(answer);
    take();
  }
  return { sent, end };
}

const bytes = (...data: number[]) => Uint8Array.from(data);

Deno.test("ProxyMachine - SOCKS 5 without and with a login", none, () => {
  const plain = run(new ProxyMachine(OPEN, "connect", TARGET), [
    bytes(5, 0, ...REPLY, 9, 8),
  ]);
  assertEquals(plain.sent, [[5, 1, 0], [5, 1, 0, 1, 192, 0, 2, 1, 1, 2]]);
  assertEquals(plain.end, {
    type: "connected",
    bound: { hostname: "10.0.0.1", port: 1080 },
    rest: bytes(9, 8),
  });
  const named = new ProxyMachine(LOGIN, "connect", {
    hostname: "a.example",
    port: 80,
  });
  // Byte by byte.
  const all = [5, 2, 1, 0, ...REPLY].map((byte) => bytes(byte));
  const { sent, end } = run(named, all);
  assertEquals(sent, [
    [5, 2, 0, 2],
    [1, 4, ...fromByteString("user"), 6, ...fromByteString("secret")],
    [5, 1, 0, 3, 9, ...fromByteString("a.example"), 0, 80],
  ]);
  assertEquals(end?.type, "connected");
  const v6 = run(
    new ProxyMachine(LOGIN, "associate", { hostname: "2001:db8::1", port: 1 }),
    [bytes(5, 0)],
  );
  assertEquals(v6.sent[1]!.slice(0, 8), [5, 3, 0, 4, 0x20, 1, 0xd, 0xb8]);
  assertEquals(v6.sent[1]!.length, 22);
});

Deno.test("ProxyMachine - HTTP CONNECT", none, () => {
  const answer = "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\nrest";
  for (const step of [1, 5, 1000]) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < answer.length; at += step) {
      parts.push(fromByteString(answer.slice(at, at + step)));
    }
    const machine = new ProxyMachine(HTTP, "connect", {
      hostname: "2001:db8::1",
      port: 7,
    });
    const { sent, end } = run(machine, parts);
    const head = toByteString(Uint8Array.from(sent[0]!));
    assertEquals(
      head,
      `CONNECT [2001:db8::1]:7 HTTP/1.1\r\nHost: [2001:db8::1]:7\r\nProxy-Authorization: Basic ${
        btoa("user:secret")
      }\r\n\r\n`,
    );
    assert(end?.type === "connected");
    // What comes with the last piece of the head.
    assertEquals(
      toByteString(end.rest),
      { 1: "", 5: "res", 1000: "rest" }[step],
    );
  }
  assertThrows(() => new ProxyMachine(HTTP, "associate", TARGET), ProxyError);
});

Deno.test("ProxyMachine - hostile and refusing answers are typed", none, () => {
  const text = (head: string) => fromByteString(head);
  const cases: [typeof OPEN, Uint8Array | undefined, string][] = [
    [OPEN, undefined, "bad-answer"],
    [OPEN, bytes(4, 0), "bad-answer"],
    [OPEN, bytes(5, 255), "login-refused"],
    [OPEN, bytes(5, 2), "login-refused"],
    [LOGIN, bytes(5, 1), "login-refused"],
    [LOGIN, bytes(5, 2, 1, 1), "login-refused"],
    [OPEN, bytes(5, 0, 4), "bad-answer"],
    [OPEN, bytes(5, 0, 5, 1), "target-unreachable"],
    [OPEN, bytes(5, 0, 5, 2, 0), "refused"],
    [OPEN, bytes(5, 0, 5, 5, 0), "target-unreachable"],
    [OPEN, bytes(5, 0, 5, 99, 0), "refused"],
    [OPEN, bytes(5, 0, 5, 0, 0, 2), "bad-answer"],
    [HTTP, text("SSH-2.0-x\r\n"), "bad-answer"],
    [HTTP, text("HTTP/1.1 abc\r\n\r\n"), "bad-answer"],
    [HTTP, text("HTTP/1.1 407 x\r\n\r\n"), "login-refused"],
    [HTTP, text("HTTP/1.1 403 x\r\n\r\n"), "refused"],
    [HTTP, text("HTTP/1.1 502 x\r\n\r\n"), "target-unreachable"],
    [HTTP, text(`HTTP/1.1 200 ${"x".repeat(20_000)}`), "bad-answer"],
  ];
  for (const [proxy, answer, code] of cases) {
    const machine = new ProxyMachine(proxy, "connect", TARGET);
    drain(machine);
    machine.handle(answer);
    const end = drain(machine).at(-1);
    assert(end?.type === "failed", `${answer}`);
    assertEquals(end.error.code, code, `${answer}`);
    assert(!end.error.message.includes("secret"));
    machine.handle(bytes(5, 0));
    assertEquals(drain(machine), []);
  }
});

Deno.test("ProxyMachine - a target cannot end a line or a field", none, () => {
  for (
    const hostname of [
      "",
      "a b",
      "a\r\nX: y",
      "a/b",
      "u@h",
      "x".repeat(256),
      "ä.example",
    ]
  ) {
    for (const proxy of [OPEN, HTTP]) {
      const error = assertThrows(
        () => new ProxyMachine(proxy, "connect", { hostname, port: 1 }),
        ProxyError,
      );
      assertEquals(error.code, "bad-target");
    }
  }
  for (const port of [-1, 65536, 1.5, NaN]) {
    assertThrows(
      () => new ProxyMachine(OPEN, "connect", { hostname: "a", port }),
      ProxyError,
    );
  }
});

Deno.test("datagrams: header on, header off, junk and fragments", none, () => {
  for (const hostname of ["192.0.2.1", "2001:db8::1"]) {
    const to = { hostname, port: 6881 };
    const packet = encodeSocksDatagram(bytes(1, 2, 3), to);
    assertEquals(tryDecodeSocksDatagram(packet), {
      data: bytes(1, 2, 3),
      from: to,
    });
    const header = packet.length - 3;
    for (let end = 0; end < header; end++) {
      assertEquals(tryDecodeSocksDatagram(packet.subarray(0, end)), undefined);
    }
    assertEquals(
      tryDecodeSocksDatagram(packet.subarray(0, header))?.data,
      bytes(),
    );
    for (const at of [0, 1, 2]) {
      const bad = packet.slice();
      bad[at] = 1;
      assertEquals(tryDecodeSocksDatagram(bad), undefined);
    }
  }
  const named = encodeSocksDatagram(bytes(1), { hostname: "a.b", port: 1 });
  assertEquals(tryDecodeSocksDatagram(named), undefined);
});
