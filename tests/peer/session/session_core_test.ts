import { assertEquals } from "@std/assert";
import { MAX_SEND_BUFFER } from "../../../peer/limits.ts";
import { SessionCore } from "../../../peer/session/session_core.ts";

const none = { permissions: "none" } as const;

Deno.test("blocks count as overhead with their headers only", none, () => {
  const core = new SessionCore(0);
  const block = { pieceIndex: 0, blockOffset: 0, data: new Uint8Array(99) };
  for (
    const [message, bytes] of [
      [{ type: "piece", ...block }, 13],
      [{ type: "have", pieceIndex: 1 }, 13 + 9],
    ] as const
  ) {
    core.send(message, 0);
    core.heard(message, 0);
    const { protocolUploaded, protocolDownloaded } = core.counters;
    assertEquals([protocolUploaded, protocolDownloaded], [bytes, bytes]);
  }
});

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
