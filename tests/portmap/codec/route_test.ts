import { assertEquals } from "@std/assert";
import { parseGateway } from "../../../portmap/codec/route.ts";

const none = { permissions: "none" } as const;
const HEAD =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const route = (to: string, via: string, flags: string, metric: number) =>
  `eth0\t${to}\t${via}\t${flags}\t0\t0\t${metric}\t${
    to === "00000000" ? to : "00FFFFFF"
  }\t0\t0\t0   \n`;

Deno.test("The default route's gateway, of the least metric", none, () => {
  const lines = [
    route("00000000", "0100000A", "0003", 600),
    route("00000000", "0101A8C0", "0003", 100),
    route("00000000", "0201A8C0", "0002", 1),
    route("0001A8C0", "00000000", "0001", 0),
  ];
  assertEquals(parseGateway(HEAD + lines.join("")), "192.168.1.1");
  assertEquals(parseGateway(HEAD + lines[0]), "10.0.0.1");
  assertEquals(parseGateway(HEAD + lines[3]), undefined);
  assertEquals(parseGateway(HEAD), undefined);
  assertEquals(parseGateway(""), undefined);
  assertEquals(parseGateway(HEAD + "junk\n\teth0\n"), undefined);
});

Deno.test("A public gateway is none", none, () => {
  const via = (hex: string) =>
    parseGateway(HEAD + route("00000000", hex, "0003", 0));
  assertEquals(via("01010108"), undefined);
  assertEquals(via("0100007F"), undefined);
  assertEquals(via("0100FEA9"), "169.254.0.1");
});
