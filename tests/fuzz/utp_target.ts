import { writeUint16 } from "../../_shared/bytes.ts";
import { encodeUtpPacket, tryDecodeUtpPacket } from "../../utp/packet.ts";
import { UtpSocketMachine } from "../../utp/socket_machine.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const header = (type: "data" | "fin" | "state" | "reset" | "syn") => ({
  type,
  connectionId: 1,
  timestamp: 1,
  timestampDifference: 1,
  windowSize: 100_000,
  seqNr: 1,
  ackNr: 0,
});

const WRITTEN = new Uint8Array(3000);

/**
 * Plays a script: who dialled, then again and again time that passes, what the
 * application does, a length, a packet.
 */
function play(script: Uint8Array): void {
  let now = 0;
  const machine = new UtpSocketMachine({
    connectionId: 1,
    seqNr: 0,
    ...((script[0] ?? 0) % 2 === 0 ? { synSeqNr: 1 } : {}),
  }, now);
  const out = new Uint8Array(2048);
  machine.write(new Uint8Array(50_000));
  let reads = true;
  let ends = 0;
  for (let at = 1; at < script.length;) {
    const first = script[at++]!;
    now += (first & 63) * 50;
    if (first >> 6 === 1) machine.write(WRITTEN);
    else if (first >> 6 === 2) reads = !reads;
    else if (first >> 6 === 3) {
      if (++ends === 1) machine.end();
      else if (ends < 5) machine.close(now);
      else machine.abort();
    }
    const data = script.slice(at + 1, at + 1 + (script[at] ?? 0));
    at += 1 + data.length;
    // Mostly with numbers near those that are looked for.
    if (data.length >= 20 && now % 3 !== 0) {
      writeUint16(data, 18, data[19]! & 15);
      writeUint16(data, 16, data[17]!);
    }
    const packet = tryDecodeUtpPacket(data);
    if (packet !== undefined) machine.receive(packet, now);
    if ((machine.deadline ?? Infinity) <= now) machine.handleTimeout(now);
    for (let n = 0; machine.poll(out, now) > 0; n++) {
      if (n > 3000) throw new Error("Endless packets");
    }
    if (reads) machine.read(out, now);
    if (
      machine.inFlight < 0 || machine.inFlight > 1 << 20 ||
      !(machine.congestionWindow >= 528) || machine.readable > 1 << 20
    ) throw new Error("Broken promise: bytes in flight, window, buffer");
    if (machine.state !== "closed" && !(machine.deadline! > now)) {
      throw new Error("Broken promise: a deadline that is over");
    }
  }
}

const step = (ms: number, data: Uint8Array) => [ms, data.length, ...data];

/** Packets with virtual time, into a connected socket. */
export const fuzzTarget: FuzzTarget = {
  name: "utp",
  seeds: () => {
    const sack = Uint8Array.of(7, 0, 0, 0);
    const script = [
      ...step(1, encodeUtpPacket(header("data"), new Uint8Array(9))),
      ...step(65, encodeUtpPacket(header("state"), undefined, sack)),
      ...step(130, encodeUtpPacket(header("state"))),
      ...step(60, encodeUtpPacket(header("fin"))),
      ...step(200, encodeUtpPacket(header("state"))),
      ...step(40, encodeUtpPacket(header("reset"))),
    ];
    return [Uint8Array.from([0, ...script]), Uint8Array.from([1, ...script])];
  },
  run: play,
};
