import { assertEquals } from "@std/assert";
import { peerFailed } from "../../../client/swarm/candidate_dialer.ts";
import {
  HandshakeError,
  type HandshakeFailed,
} from "../../../handshake/mod.ts";

const none = { permissions: "none" } as const;
const address = { hostname: "a", port: 1 };

function failed(cause?: unknown): HandshakeFailed {
  const text = "Cannot connect";
  const error = new HandshakeError("connect-failed", text, { cause });
  return {
    type: "failed",
    address,
    direction: "outbound",
    reason: error.code,
    fault: "remote",
    error,
  };
}

Deno.test("why an attempt failed has no numbers of the system", none, () => {
  const cases: [unknown, string][] = [
    [undefined, "Cannot connect"],
    [new Error("Refused (os error 111)"), "Cannot connect: Refused"],
    [new Deno.errors.NotCapable("Requires net"), "Cannot connect"],
    ["nothing", "Cannot connect"],
  ];
  for (const [cause, message] of cases) {
    assertEquals(peerFailed(failed(cause), false), {
      type: "peer-failed",
      address,
      direction: "outbound",
      reason: "connect-failed",
      message,
    });
  }
});

Deno.test("an introduction that led nowhere is told apart", none, () => {
  const event = peerFailed(failed(), true);
  assertEquals(event.type === "peer-failed" && event.reason, "punch-failed");
});
