import { assertEquals } from "@std/assert";
import { eventJson } from "../../../cli/transfer/event_json.ts";

Deno.test({
  name: "eventJson() - a peer has one address in all its events",
  permissions: "none",
  fn() {
    const address = { hostname: "::1", port: 7 };
    for (const state of ["connected", "disconnected", "failed", "banned"]) {
      const event = eventJson({
        type: `peer-${state}` as "peer-failed",
        address,
        direction: "inbound",
      });
      assertEquals(event, {
        type: "peer",
        address: "[::1]:7",
        state,
        direction: "inbound",
        client: null,
        reason: null,
      });
    }
    assertEquals(eventJson({ type: "complete" }), undefined);
    assertEquals(
      eventJson({ type: "tracker", tracker: "udp://t", ok: true }),
      {
        type: "tracker",
        tracker: "udp://t",
        ok: true,
        peers: null,
        error: null,
      },
    );
  },
});
