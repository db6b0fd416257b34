import { assertEquals } from "@std/assert";
import type { RpcService } from "../../../daemon/rpc/rpc_service.ts";
import { rpcRoute } from "../../../daemon/rpc/rpc_route.ts";

Deno.test("the route of the RPC answers who repeats the session's id", {
  permissions: "none",
}, async () => {
  const asked: string[] = [];
  let read = 0;
  const service = {
    answer: (text: string) => {
      asked.push(text);
      return Promise.resolve(
        text === "note" ? undefined : { result: "success" },
      );
    },
  } as unknown as RpcService;
  const route = rpcRoute(service, "secret");
  const handle = async (
    method: string,
    id: string | undefined,
    body: string,
  ) => {
    const answer = await route.handle(
      {
        method,
        headers: id === undefined ? [] : [["x-transmission-session-id", id]],
        bodyLength: body.length,
        readBody: () => {
          read++;
          return Promise.resolve(new TextEncoder().encode(body));
        },
      } as unknown as Parameters<typeof route.handle>[0],
    );
    return [answer.status, answer.body];
  };
  for (const id of [undefined, "", "secret2"]) {
    const [status] = await handle("POST", id, "x");
    assertEquals([status, asked], [409, []]);
  }
  // What was sent is read, where anything was.
  assertEquals(read, 3);
  assertEquals((await handle("POST", undefined, ""))[0], 409);
  assertEquals(read, 3);
  assertEquals((await handle("GET", "secret", ""))[0], 405);
  assertEquals(await handle("POST", "secret", "call"), [
    200,
    '{"result":"success"}',
  ]);
  assertEquals((await handle("POST", "secret", "note"))[0], 204);
  assertEquals(asked, ["call", "note"]);
});
