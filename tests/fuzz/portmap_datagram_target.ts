import { encodeText } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { PortMapMachine } from "../../portmap/mod.ts";
import { tryDecodeNatPmpResponse } from "../../portmap/codec/nat_pmp.ts";
import {
  encodePcpMapRequest,
  tryDecodePcpResponse,
} from "../../portmap/codec/pcp.ts";
import { tryDecodeSsdpAnswer } from "../../portmap/codec/ssdp.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const GATEWAY = "192.168.1.1";
const request = { protocol: "tcp", port: 6881 } as const;

function pcp(): Uint8Array {
  const data = encodePcpMapRequest({
    ...request,
    clientAddress: "192.168.1.2",
    nonce: seededRandom(1).getRandomValues(new Uint8Array(12)),
    lifetimeSeconds: 120,
    externalPort: 6881,
  });
  data[1] = 0x81;
  return data;
}

/** PCP, NAT-PMP and SSDP: the decoders, and the machine behind them. */
export const fuzzTarget: FuzzTarget = {
  name: "portmap-datagram",
  seeds: () => [
    pcp(),
    pcp().slice(0, 24),
    Uint8Array.of(0, 128, 0, 0, 0, 0, 0, 9, 11, 0, 0, 1),
    Uint8Array.of(
      0,
      130,
      0,
      0,
      0,
      0,
      0,
      9,
      0x1a,
      0xe1,
      0x1a,
      0xe1,
      0,
      0,
      0,
      99,
    ),
    encodeText(
      `HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://${GATEWAY}:5000/a.xml\r\n\r\n`,
    ),
  ],
  run(input) {
    tryDecodePcpResponse(input);
    tryDecodeNatPmpResponse(input);
    tryDecodeSsdpAnswer(input);
    const machine = new PortMapMachine({
      ports: [request],
      random: seededRandom(1),
    });
    const local = "192.168.1.2";
    machine.handle({ type: "gateway", gateway: GATEWAY, local }, 0);
    let now = 0;
    for (let i = 0; i < 4; i++) {
      for (const port of [5351, 1900]) {
        const from = { hostname: GATEWAY, port };
        machine.handle({ type: "datagram", data: input, from }, now);
      }
      for (let out = machine.poll(); out; out = machine.poll()) {
        if (out.type !== "request") continue;
        if (new URL(out.request.url).hostname !== GATEWAY) {
          throw new Error("Broken promise: only the gateway is asked");
        }
      }
      now = Math.max(now, machine.deadline ?? now);
      machine.handleTimeout(now);
    }
    for (const { externalPort } of machine.mappings) {
      if (externalPort < 1) throw new Error("Broken promise: a port");
    }
  },
};
