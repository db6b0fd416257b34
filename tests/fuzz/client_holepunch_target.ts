import { type Endpoint, ipScope, tryParseIp } from "../../_shared/address.ts";
import {
  HolepunchMachine,
  type PunchPeer,
} from "../../client/swarm/holepunch_machine.ts";
import { PeerProtocolError } from "../../peer/mod.ts";
import {
  decodeUtHolepunch,
  encodeUtHolepunch,
} from "../../peer/ut_holepunch.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

function at(hostname: string, port: number): Endpoint {
  return { hostname, port };
}

/** Addresses of peers: public ones, local ones, one that speaks of nothing. */
const PEERS: readonly PunchPeer[] = [
  ["7.1.1.1", true],
  ["7.2.2.2", true],
  ["192.168.1.7", true],
  ["2a00::1", true],
  ["7.3.3.3", false],
].map(([hostname, speaks]) => ({
  address: at(hostname as string, 6881),
  transport: "utp",
  listening: undefined,
  connection: { supports: () => speaks as boolean },
}));
const FLAGS = 0x08;

function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Broken promise: ${what}`);
}

function isLocal({ hostname }: Endpoint): boolean {
  return ipScope(tryParseIp(hostname)!) !== "global";
}

/** What is wanted, held against what never may be. */
function drain(machine: HolepunchMachine, from: number): number {
  const connects: number[] = [];
  let dials = 0;
  for (let out = machine.poll(); out; out = machine.poll()) {
    if (out.type === "dial") {
      dials++;
      const { endpoint } = out;
      check(endpoint.port >= 80 && endpoint.port !== 3306, "no services");
      check(
        !isLocal(endpoint) || isLocal(PEERS[from]!.address),
        "nobody is sent nearer to us than the teller is",
      );
      continue;
    }
    const { key, message } = out;
    check(PEERS[key]!.connection.supports("ut_holepunch"), "who speaks of it");
    encodeUtHolepunch(message);
    if (message.type === "connect") connects.push(key);
  }
  check(connects.length === 0 || connects.length === 2, "two are introduced");
  if (connects.length === 2) {
    const [a, b] = connects.map((key) => PEERS[key]!.address);
    check(
      connects[0] === from && connects[1] !== from,
      "the asker and another",
    );
    check(isLocal(a!) === isLocal(b!), "local and public are kept apart");
    check(
      a!.hostname.includes(":") === b!.hostname.includes(":"),
      "of one family",
    );
  }
  return dials;
}

/**
 * The holepunch machine (BEP 55): messages by several peers, each after two bytes
 * that say by whom it is, what else happens, and how long it takes.
 */
export const fuzzTarget: FuzzTarget = {
  name: "client_holepunch",
  seeds: () =>
    (["rendezvous", "connect", "error"] as const).flatMap((type) =>
      PEERS.slice(0, 4).flatMap(({ address }, n) => [
        Uint8Array.of(
          n,
          1,
          ...encodeUtHolepunch({ type, endpoint: address, errorCode: 0 }),
        ),
        Uint8Array.of(
          (n + 1) % 4,
          0x42,
          ...encodeUtHolepunch({ type, endpoint: address, errorCode: 2 }),
          n,
          0x81,
          ...encodeUtHolepunch({
            type: "connect",
            endpoint: at("9.9.9.9", 6881),
            errorCode: 0,
          }),
        ),
      ])
    ),
  run(input) {
    const machine = new HolepunchMachine(new Map(PEERS.entries()));
    let now = 0;
    let dials = 0;
    for (let p = 0; p + 4 <= input.length;) {
      const key = input[p]! % PEERS.length;
      const kind = input[p + 1]!;
      const length = input[p + 3] === 1 ? 24 : 12;
      const payload = input.subarray(p + 2, p + 2 + length);
      p += 2 + length;
      now += 500 * (kind & 0x0f);
      try {
        const message = decodeUtHolepunch(payload);
        const { endpoint } = message;
        if (kind & 0x40) {
          const added = [{ ...endpoint, flags: FLAGS }];
          machine.handle(
            { type: "told", key, message: { added, dropped: [] } },
            now,
          );
          machine.handle({ type: "unreachable", endpoint }, now);
          drain(machine, key);
        }
        if (kind & 0x80) machine.handle({ type: "gone", key }, now);
        machine.handle({ type: "message", key, message }, now);
        dials += drain(machine, key);
      } catch (error) {
        if (!(error instanceof PeerProtocolError)) throw error;
      }
      machine.handleTimeout(now);
      drain(machine, key);
      check((machine.deadline ?? Infinity) > now, "what is due is done");
    }
    // Ten a peer may be waited for, and one in ten seconds is given.
    check(dials <= 25 * PEERS.length + now / 1000, "few are dialled");
  },
};
