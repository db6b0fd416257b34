import { assertEquals, assertThrows } from "@std/assert";
import { fromByteString } from "../../../_shared/bytes.ts";
import { ProxyError } from "../../../handshake/proxy.ts";
import { decodeConnectAnswer } from "../../../handshake/proxy/proxy_machine.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "decodeConnectAnswer() ends with an empty line, and knows whose fault it is",
  none,
  () => {
    const answer = (text: string) => decodeConnectAnswer(fromByteString(text));
    assertEquals(answer("HTTP/1.1 200 x\n\r\n"), undefined);
    assertEquals(answer("HTTP/1.1 200 x\r\n\r\nrest"), 18);
    const codes = [["502", "503", "504"], ["403", "500"]].map((list) =>
      list.map((status) =>
        assertThrows(() => answer(`HTTP/1.1 ${status} x\r\n\r\n`), ProxyError)
          .code
      )
    );
    assertEquals(codes, [
      ["target-unreachable", "target-unreachable", "target-unreachable"],
      ["refused", "refused"],
    ]);
  },
);
