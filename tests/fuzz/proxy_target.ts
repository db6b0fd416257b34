import { fromByteString } from "../../_shared/bytes.ts";
import { parseProxyUrl } from "../../handshake/mod.ts";
import { MAX_HEAD, ProxyMachine } from "../../handshake/proxy/proxy_machine.ts";
import {
  encodeSocksDatagram,
  tryDecodeSocksDatagram,
} from "../../handshake/proxy/socks5.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const PROXIES = [
  parseProxyUrl("socks5://h:1"),
  parseProxyUrl("socks5://user:pass@h:1"),
  parseProxyUrl("http://h:1"),
];
const TARGET = { hostname: "192.0.2.1", port: 1 };

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken promise: ${what}`);
}

/** What a machine ends with, and after how many messages of ours. */
function outcome(input: Uint8Array, which: number, step: number): string {
  const machine = new ProxyMachine(PROXIES[which]!, "connect", TARGET);
  let sends = 0;
  let end = "";
  const take = (data: Uint8Array | undefined) => {
    machine.handle(data);
    for (let out = machine.poll(); out; out = machine.poll()) {
      check(end === "", "nothing after the end");
      if (out.type === "send") sends++;
      else end = out.type === "failed" ? out.error.code : out.type;
    }
  };
  for (let at = 0; at < input.length; at += step) {
    take(input.subarray(at, at + step));
  }
  take(undefined);
  check(sends <= 3 && end !== "", "three messages at most, and an end");
  return end;
}

/** Answers of SOCKS 5 and HTTP proxies, and relayed datagrams. */
export const fuzzTarget: FuzzTarget = {
  name: "proxy",
  seeds: () => [
    Uint8Array.of(5, 0, 5, 0, 0, 1, 10, 0, 0, 1, 4, 56),
    Uint8Array.of(5, 2, 1, 0, 5, 0, 0, 3, 3, 97, 46, 98, 4, 56, 1, 2),
    Uint8Array.of(5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0),
    fromByteString("HTTP/1.1 200 OK\r\nVia: x\r\n\r\nrest"),
    fromByteString("HTTP/1.1 407 no\r\n\r\n"),
    encodeSocksDatagram(Uint8Array.of(1, 2), TARGET),
  ],
  run(input) {
    for (let which = 0; which < PROXIES.length; which++) {
      const whole = outcome(input, which, Math.max(1, input.length));
      if (input.length <= MAX_HEAD) {
        check(outcome(input, which, 7) === whole, "the same in pieces");
      }
    }
    const datagram = tryDecodeSocksDatagram(input);
    if (datagram === undefined) return;
    const again = encodeSocksDatagram(datagram.data, datagram.from);
    check(again.length === input.length, "round trip");
  },
};
