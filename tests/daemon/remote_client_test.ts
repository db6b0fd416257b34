import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  RemoteClient,
  type RemoteClientOptions,
  RemoteError,
} from "../../daemon/remote_client.ts";

const permissions = "none";

interface Asked {
  readonly url: string;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A daemon in memory that answers one request after the other. */
function daemon(
  answers: (Response | Error)[],
  options: RemoteClientOptions = {},
): { client: RemoteClient; asked: Asked[] } {
  const asked: Asked[] = [];
  const client = new RemoteClient({
    ...options,
    fetch: (input, init) => {
      asked.push({
        url: String(input),
        headers: new Headers(init?.headers),
        body: JSON.parse(String(init?.body)),
      });
      const answer = answers.shift() ?? new Error("nothing more");
      return answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(answer);
    },
  });
  return { client, asked };
}

const conflict = (headers: Record<string, string> = {}) =>
  new Response("conflict", {
    status: 409,
    headers: { "x-transmission-session-id": "sid", ...headers },
  });
const old = (given: unknown) =>
  Response.json({ arguments: given, result: "success" });

Deno.test({
  name: "RemoteClient speaks the older dialect with those who know no other",
  permissions,
  async fn() {
    const { client, asked } = daemon([
      conflict(),
      old({}),
      old({ torrents: [{ hashString: "x", peersFrom: { fromDht: 1 } }] }),
    ], { url: "http://me:p%C3%A4ss@127.0.0.1:9091/" });
    const result = await client.call("torrent_get", {
      fields: ["hash_string", "download_dir", "peers_from"],
      ids: "recently_active",
    });
    assertEquals(result, {
      torrents: [{ hash_string: "x", peers_from: { from_dht: 1 } }],
    });
    const [first, second, third] = asked;
    assertEquals(first!.url, "http://127.0.0.1:9091/transmission/rpc");
    assertEquals(first!.headers.get("authorization"), "Basic bWU6cMOkc3M=");
    assertEquals(second!.headers.get("x-transmission-session-id"), "sid");
    assertEquals(third!.body, {
      method: "torrent-get",
      arguments: {
        fields: ["hashString", "downloadDir", "peersFrom"],
        ids: "recently-active",
      },
      tag: 3,
    });
  },
});

Deno.test({
  name: "RemoteClient speaks JSON-RPC with those who say that they do",
  permissions,
  async fn() {
    const modern = (result: unknown) =>
      Response.json({ jsonrpc: "2.0", result, id: 1 });
    const { client, asked } = daemon([
      conflict({ "x-transmission-rpc-version": "6.0.1" }),
      modern({}),
      modern({ path: "/" }),
    ]);
    assertEquals(await client.call("free_space", { path: "/" }), { path: "/" });
    assertEquals(asked[2]!.body, {
      jsonrpc: "2.0",
      method: "free_space",
      params: { path: "/" },
      id: 3,
    });
  },
});

Deno.test({
  name: "RemoteClient says what is wrong, and never the password",
  permissions,
  async fn() {
    const failed = { jsonrpc: "2.0", error: { code: 5, message: "no" }, id: 1 };
    const more = {
      ...failed,
      error: { ...failed.error, data: { error_string: "why" } },
    };
    const rows: [Response | Error, RemoteError["code"], string][] = [
      [new TypeError("refused"), "unreachable", "cannot be reached: refused"],
      [
        new Response("", { status: 401 }),
        "unauthorized",
        "rejects this user name",
      ],
      [
        new Response("", { status: 429 }),
        "unauthorized",
        "too many were wrong",
      ],
      [
        new Response("<h1>421</h1> no\nmore", { status: 421 }),
        "refused",
        "answers 421: 421  no",
      ],
      [new Response("no JSON"), "protocol", "does not answer with JSON"],
      [Response.json(null), "protocol", "does not answer with JSON"],
      [Response.json(failed), "failed", "no"],
      [Response.json(more), "failed", "why"],
      [Response.json({ result: "too bad" }), "failed", "too bad"],
      [new Response("", { status: 409 }), "protocol", "session id"],
    ];
    for (const [answer, code, message] of rows) {
      const { client } = daemon([answer], { login: "me:secret" });
      const error = await assertRejects(
        () => client.call("session_stats"),
        RemoteError,
        message,
      );
      assertEquals(error.code, code);
      assertEquals(error.message.includes("secret"), false);
    }
    const stubborn = daemon([conflict(), conflict(), conflict()]);
    await assertRejects(
      () => stubborn.client.call("x"),
      RemoteError,
      "session",
    );
    const gone = daemon([new Error("aborted")]);
    await assertRejects(
      () => gone.client.call("x", {}, AbortSignal.abort(new Error("mine"))),
      Error,
      "mine",
    );
    const open = daemon([new Response("", { status: 401 })]);
    await assertRejects(
      () => open.client.call("x"),
      RemoteError,
      "requires a user name and password",
    );
    for (const url of ["", "ftp://x", "x"]) {
      assertThrows(
        () => new RemoteClient({ url }),
        TypeError,
        "http or https URL",
      );
    }
  },
});
