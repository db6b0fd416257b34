import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  BODY_STEP,
  checkBodyLength,
  HttpBodyError,
  readHttpBody,
} from "../../tracker/http_body.ts";

const permissions = "none";

Deno.test({
  name: "a body is refused before a byte of it is read",
  permissions,
  fn() {
    checkBodyLength(10, 10);
    const rows: [number | undefined, number][] = [[11, 413], [undefined, 411]];
    for (const [length, status] of rows) {
      const error = assertThrows(
        () => checkBodyLength(length, 10),
        HttpBodyError,
      );
      assertEquals(error.status, status);
    }
  },
});

Deno.test({
  name: "room for a body grows with what comes of it",
  permissions,
  async fn() {
    const length = 5 * BODY_STEP + 7;
    let sent = 0;
    let steps = 0;
    const body = await readHttpBody(length, (into) => {
      const part = Math.min(into.length, 1000);
      assertEquals(
        into.buffer.byteLength <= Math.max(BODY_STEP, 2 * sent),
        true,
      );
      for (let i = 0; i < part; i++) into[i] = (sent + i) % 251;
      sent += part;
      return part;
    }, () => steps++);
    assertEquals(body.length, length);
    assertEquals(body.every((byte, i) => byte === i % 251), true);
    assertEquals(steps, 5);
    assertEquals((await readHttpBody(0, () => 1, () => {})).length, 0);
  },
});

Deno.test({
  name: "a body that ends early is an error",
  permissions,
  async fn() {
    const error = await assertRejects(
      () => readHttpBody(5, () => null, () => {}),
      HttpBodyError,
    );
    assertEquals([error.code, error.status], ["cut", 400]);
  },
});
