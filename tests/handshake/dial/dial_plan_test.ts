import { assertEquals } from "@std/assert";
import { planDial } from "../../../handshake/dial/dial_plan.ts";
import { MemoryNetwork } from "../../support/memory_transport.ts";
import { SimClock } from "../../support/sim_clock.ts";

Deno.test("planDial() gives each transport a head start, in their order", {
  permissions: "none",
}, () => {
  const network = new MemoryNetwork({ clock: new SimClock() });
  const [a, b] = ["10.0.0.1", "10.0.0.2"].map((ip) => network.transport(ip));
  const deaf = { ...b!, dials: false };
  assertEquals(planDial([deaf, a!, b!], [true, false]), [
    { transport: a!, encrypted: [true, false], afterMs: 0 },
    { transport: b!, encrypted: [true, false], afterMs: 300 },
  ]);
});
