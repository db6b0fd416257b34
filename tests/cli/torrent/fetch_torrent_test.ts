import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  CheckedFetch,
  sendsHost,
} from "../../../_shared/http/checked_fetch.ts";
import { CommandError } from "../../../cli/error.ts";
import {
  fetchNamed,
  fetchTorrent,
} from "../../../cli/torrent/fetch_torrent.ts";
import { MAX_TORRENT_LENGTH } from "../../../cli/torrent/source.ts";

const BYTES = new TextEncoder().encode("d4:infode");

/** A server of one's own: what it answers to each URL. */
function web(
  answers: Record<string, () => Response>,
): typeof globalThis.fetch & { readonly asked: string[] } {
  const asked: string[] = [];
  const answer = (input: URL | Request | string) => {
    asked.push(String(input));
    return Promise.resolve(
      answers[String(input)]?.() ?? new Response(null, { status: 404 }),
    );
  };
  return Object.assign(answer, { asked });
}

const redirect = (location: string) => () =>
  new Response(null, { status: 302, headers: { location } });
const resolve = (name: string) =>
  Promise.resolve([name === "inside.example" ? "10.0.0.7" : "203.0.113.9"]);

async function failure(
  url: string,
  fetch: ReturnType<typeof web>,
): Promise<CommandError> {
  return await assertRejects(
    () => fetchTorrent(url, { fetch, resolve }),
    CommandError,
  );
}

Deno.test("fetchTorrent() follows redirects, but five", async () => {
  const fetch = web({
    "http://a.example/0": redirect("/1"),
    "http://a.example/1": redirect("https://b.example/t"),
    "https://b.example/t": () => new Response(BYTES),
    "http://a.example/loop": redirect("/loop"),
    "http://a.example/created": () =>
      new Response(BYTES, { status: 201, headers: { location: "/0" } }),
    "http://a.example/304": () => new Response(null, { status: 304 }),
  });
  const bytes = await fetchTorrent("http://a.example/0", { fetch, resolve });
  assertEquals(bytes, BYTES);
  const url = "http://a.example/created";
  assertEquals(await fetchTorrent(url, { fetch, resolve }), BYTES);
  const nowhere = await failure("http://a.example/304", fetch);
  assertEquals(nowhere.code, "http-status");
  const error = await failure("http://a.example/loop", fetch);
  assertEquals([error.exitCode, error.code], [6, "redirect"]);
  assertEquals(fetch.asked.length, 3 + 6 + 2);
});

Deno.test("fetchTorrent() finds magnet links: by redirect, as the answer", async () => {
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=a`;
  const fetch = web({
    "http://a.example/redirect": redirect(link),
    "http://a.example/text": () => new Response(`${link}\r\n`),
    "http://a.example/page": () => new Response(`${link}\n${link}`),
    "http://a.example/long": () => new Response(link + "&tr=x".repeat(20_000)),
  });
  const at = (path: string) =>
    fetchTorrent(`http://a.example/${path}`, { fetch, resolve });
  assertEquals(await at("redirect"), link);
  assertEquals(await at("text"), link);
  assertInstanceOf(await at("page"), Uint8Array);
  assertInstanceOf(await at("long"), Uint8Array);
  const url = new URL("http://a.example/redirect");
  const error = await assertRejects(() =>
    fetchNamed(url, new CheckedFetch(fetch, 0), { resolve })
  );
  assertStringIncludes(String(error), "it leads to a magnet link");
});

Deno.test("fetchTorrent() goes inside only where the person sent it", async () => {
  const inside = [
    "http://127.0.0.1/t",
    "http://169.254.169.254/latest",
    "http://[::1]/t",
    "http://localhost/t",
    "http://inside.example/t",
    "http://127.0.0.1:81/t",
    "file:///etc/passwd",
  ];
  for (const from of ["http://a.example/", "http://127.0.0.1:80/from"]) {
    for (const to of inside.slice(from.includes("127.") ? 1 : 0)) {
      const start = new URL(from).href;
      const fetch = web({ [start]: redirect(to) });
      const error = await failure(start, fetch);
      assertEquals([error.exitCode, error.code], [6, "redirect"], to);
      assertEquals(fetch.asked.length, 1, to);
    }
  }
  // A name may lead inside when it is asked for again.
  const rebound = web({
    "http://a.example/": redirect("http://b.example:8123/t"),
    "http://203.0.113.9:8123/t": () => new Response(BYTES),
  });
  assertEquals(
    await fetchTorrent("http://a.example/", {
      fetch: sendsHost(rebound),
      resolve,
    }),
    BYTES,
  );
  const named = web({
    "http://10.0.0.1/a": redirect("https://10.0.0.1/b"),
    "https://10.0.0.1/b": redirect("/c"),
    "https://10.0.0.1/c": () => new Response(BYTES),
  });
  const options = { fetch: named, resolve };
  assertEquals(await fetchTorrent("http://10.0.0.1/a", options), BYTES);
});

Deno.test("fetchTorrent() is bounded in size and time, and says why", async () => {
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(4 << 20)),
    });
  const fetch = web({
    "http://a.example/endless": () => new Response(endless()),
    "http://a.example/large": () =>
      new Response("x", {
        headers: { "content-length": String(MAX_TORRENT_LENGTH + 1) },
      }),
  });
  for (const path of ["endless", "large"]) {
    const error = await failure(`http://a.example/${path}`, fetch);
    assertEquals([error.exitCode, error.code], [4, "too-large"], path);
  }
  const missing = await failure("http://u:p@a.example/no?passkey=1", fetch);
  assertEquals([missing.exitCode, missing.code], [6, "http-status"]);
  assertEquals(
    missing.message,
    "Cannot fetch http://a.example/no: the server answered 404",
  );
  const silent = await assertRejects(() =>
    fetchTorrent("http://a.example/", {
      timeoutMs: 1,
      fetch: (_, init) =>
        new Promise((_, reject) => {
          const { signal } = init!;
          signal!.addEventListener("abort", () => reject(signal!.reason));
        }),
    }), CommandError);
  assertEquals(silent.exitCode, 5);
  assertStringIncludes(silent.message, "no whole answer within 0.001 s");
});

Deno.test({
  name: "fetchTorrent() shows no secret of a URL that nobody answers at",
  permissions: { net: ["127.0.0.1"] },
}, async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const url = `http://u:SECRET@127.0.0.1:${port}/x?passkey=SECRET`;
  const refused = await assertRejects(() => fetchTorrent(url), CommandError);
  assertEquals([refused.exitCode, refused.code], [5, "not-fetched"]);
  assertStringIncludes(
    refused.message,
    `127.0.0.1:${port}/x: Connection refused`,
  );
  assertEquals(refused.message.includes("SECRET"), false, refused.message);
  const other = web({
    [url]: () => {
      throw new TypeError(`no way to ${url}: gone`);
    },
  });
  const { message } = await failure(url, other);
  assertEquals(
    message,
    `Cannot fetch http://127.0.0.1:${port}/x: no way to [URL] gone`,
  );
});
