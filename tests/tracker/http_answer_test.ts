import { assertEquals, assertThrows } from "@std/assert";
import { toByteString } from "../../_shared/bytes.ts";
import {
  encodeHttpAnswer,
  type HttpAnswer,
} from "../../tracker/http_answer.ts";

const permissions = "none";

function encode(answer: HttpAnswer, keepAlive = true, isHead = false): string {
  return toByteString(encodeHttpAnswer(answer, keepAlive, isHead).bytes);
}

Deno.test({
  name: "an answer has what it must, and what it was given instead",
  permissions,
  fn() {
    const body = "hé";
    assertEquals(
      encode({ status: 200, body }),
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n" +
        "cache-control: no-store\r\nconnection: keep-alive\r\n\r\nh\xc3\xa9",
    );
    assertEquals(
      encode({ status: 200, body }, false, true),
      "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n" +
        "cache-control: no-store\r\nconnection: close\r\n\r\n",
    );
    assertEquals(
      encode({
        status: 299,
        contentType: "a/b",
        headers: [["cache-control", "max-age=1"], ["x", "y"]],
        body: new Uint8Array([0x41]),
      }),
      "HTTP/1.1 299 Answer\r\ncontent-type: a/b\r\ncontent-length: 1\r\n" +
        "cache-control: max-age=1\r\nx: y\r\nconnection: keep-alive\r\n\r\nA",
    );
    assertEquals(
      encode({ status: 204 }),
      "HTTP/1.1 204 No Content\r\ncontent-type: text/plain\r\n" +
        "cache-control: no-store\r\nconnection: keep-alive\r\n\r\n",
    );
    assertEquals(
      encode({ status: 405 }).includes("allow: GET, HEAD\r\n"),
      true,
    );
    const allow: HttpAnswer = { status: 405, headers: [["allow", "POST"]] };
    assertEquals(encode(allow).match(/allow/g)?.length, 1);
  },
});

Deno.test({
  name: "a stream without a length ends with the connection",
  permissions,
  async fn() {
    const stream = () => ReadableStream.from([new Uint8Array([1])]);
    const open = encodeHttpAnswer({ status: 200, body: stream() }, true, false);
    assertEquals(open.keepAlive, false);
    assertEquals(toByteString(open.bytes).includes("content-length"), false);
    const told = encodeHttpAnswer(
      { status: 206, headers: [["content-length", "1"]], body: stream() },
      true,
      false,
    );
    assertEquals(told.keepAlive, true);
    assertEquals(
      toByteString(told.bytes).match(/content-length: 1\r\n/g)?.length,
      1,
    );
    assertEquals(await Array.fromAsync(told.rest!), [new Uint8Array([1])]);
    const head = encodeHttpAnswer({ status: 200, body: stream() }, true, true);
    assertEquals(head.rest, undefined);
  },
});

Deno.test({
  name: "a header cannot smuggle another one in",
  permissions,
  fn() {
    for (const header of [["a", "b\r\nc: d"], ["a\n", "b"]] as const) {
      assertThrows(() => encode({ status: 200, headers: [header] }), TypeError);
    }
  },
});
