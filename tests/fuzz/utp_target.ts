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

/** Plays a script: time that passes, a length, a packet; again and again. */
function play(script: Uint8Array): void {
  const syn = tryDecodeUtpPacket(encodeUtpPacket(header("syn")))!;
  let now = 0;
  const machine = new UtpSocketMachine({ connectionId: 1, seqNr: 0, syn }, now);
  const out = new Uint8Array(2048);
  machine.write(new Uint8Array(50_000));
  for (let at = 0; at < script.length;) {
    now += script[at++]! * 50;
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
    machine.read(out, now);
    if (machine.inFlight < 0 || !(machine.congestionWindow >= 528)) {
      throw new Error("Broken promise: bytes in flight, window");
    }
    if (machine.state !== "closed" && machine.deadline! <= now) {
      throw new Error("Broken promise: a deadline that is over");
    }
  }
}

const step = (ms: number, data: Uint8Array) => [ms, data.length, ...data];

/** Packets with virtual time, into a connected socket. */
export const fuzzTarget: FuzzTarget = {
  name: "utp",
  seeds: () => [
    Uint8Array.from([
      ...step(1, encodeUtpPacket(header("data"), new Uint8Array(9))),
      ...step(
        1,
        encodeUtpPacket(header("state"), undefined, Uint8Array.of(7, 0, 0, 0)),
      ),
      ...step(99, encodeUtpPacket(header("fin"))),
      ...step(99, encodeUtpPacket(header("reset"))),
    ]),
  ],
  run: play,
};
