import { assertEquals } from "@std/assert";
import { MAX_SEND_BUFFER } from "../../../peer/limits.ts";
import { SessionCore } from "../../../peer/session/session_core.ts";

const none = { permissions: "none" } as const;

Deno.test("the send buffer may be full, but no fuller", none, () => {
  const core = new SessionCore(0);
  const payload = new Uint8Array(MAX_SEND_BUFFER - 6);
  core.send({ type: "extended", id: 1, payload }, 0);
  assertEquals([core.bufferedBytes, core.isClosed], [MAX_SEND_BUFFER, false]);
  core.send({ type: "keep-alive" }, 0);
  assertEquals(core.isClosed, true);
  const output = core.poll();
  assertEquals(
    output?.type === "close" ? output.error?.message : undefined,
    `Peer is not reading: ${MAX_SEND_BUFFER + 4} bytes queued`,
  );
});
