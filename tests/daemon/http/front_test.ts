import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkExposure,
  HttpFront,
  type HttpFrontOptions,
} from "../../../daemon/http/front.ts";
import { Login } from "../../../daemon/http/password.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";
import { HttpServer } from "../../../tracker/http_server.ts";
import { type Pipe, PipeListener } from "../../support/http_pipe.ts";

const permissions = "none";

class World implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly listener = new PipeListener();
  readonly front: HttpFront;
  readonly handled: string[] = [];

  constructor(options: Partial<HttpFrontOptions> = {}) {
    this.front = new HttpFront(this.listener.addr, {
      clock: this.clock,
      routes: [
        {
          path: "/",
          methods: ["GET"],
          navigable: true,
          handle: ({ search }) => {
            this.handled.push(`/${search}`);
            return {
              status: 200,
              headers: [["content-security-policy", "default-src 'self'"]],
            };
          },
        },
        {
          path: "/post",
          methods: ["POST"],
          handle: async ({ readBody }) => {
            const { length } = await readBody(1_000_000_000);
            this.handled.push(`post ${length}`);
            return { status: 200, body: `${length}` };
          },
        },
        {
          path: "/below/*",
          methods: ["GET"],
          handle: ({ path }) => {
            if (path === "/below/broken") throw new Error("secret");
            return { status: 200, body: `<${path}>` };
          },
        },
      ],
      ...options,
    }, (_, inner) => new HttpServer(this.listener, inner));
  }

  async ask(
    first: string,
    headers: Record<string, string> = {},
    address = "192.0.2.1",
  ): Promise<Pipe> {
    const all = { host: "localhost", ...headers };
    const lines = Object.entries(all).map(([key, value]) => `${key}: ${value}`);
    return await this.listener.connect(
      address,
      [`${first} HTTP/1.1`, ...lines, "", ""].join("\r\n"),
    );
  }

  async status(
    first: string,
    headers: Record<string, string> = {},
    address?: string,
  ): Promise<number> {
    const pipe = await this.ask(first, headers, address);
    const status = Number(pipe.text.slice(9, 12));
    pipe.end();
    await drain();
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.front.close();
    await this.clock.advance(6_000);
    await closing;
    assertEquals(this.clock.pending, 0);
  }
}

const basic = (text: string) => ({ authorization: `Basic ${btoa(text)}` });

Deno.test({
  name: "HttpFront answers at its routes only, with safe headers",
  permissions,
  async fn() {
    await using world = new World();
    const page = await world.ask("GET /?a=b");
    assert(page.text.includes("content-security-policy: default-src 'self'\r"));
    assert(page.text.includes("x-content-type-options: nosniff\r"));
    assert(page.text.includes("x-frame-options: DENY\r"));
    assertEquals(page.text.match(/content-security-policy/g)?.length, 1);
    const other = await world.ask("GET /below/a/");
    assert(other.text.endsWith("</below/a>"), other.text);
    assert(other.text.includes("default-src 'none'"));
    assertEquals(await world.status("HEAD /"), 200);
    assertEquals(await world.status("GET /post"), 405);
    assertEquals(await world.status("POST /"), 405);
    assertEquals(await world.status("GET /below"), 404);
    assertEquals(await world.status("GET /other"), 404);
    assertEquals(await world.status("GET /../etc/passwd"), 404);
    assertEquals(await world.status("GET /%2e%2e/etc/passwd"), 404);
    const broken = await world.ask("GET /below/broken");
    assert(broken.text.includes(" 500 ") && !broken.text.includes("secret"));
    assertEquals(world.handled, ["/?a=b", "/"]);
  },
});

Deno.test({
  name: "HttpFront hears nobody who asks for another name, or from elsewhere",
  permissions,
  async fn() {
    await using world = new World({
      hosts: ["bip.example"],
      origins: ["moz-extension://1"],
    });
    assertEquals(await world.status("GET /", { host: "bip.example" }), 200);
    assertEquals(await world.status("GET /", { host: "evil.example" }), 421);
    const evil = { origin: "http://evil.example" };
    assertEquals(await world.status("GET /", evil), 403);
    assertEquals(await world.status("POST /post", evil), 403);
    const addOn = { origin: "moz-extension://1" };
    assertEquals(await world.status("GET /", addOn), 200);
    const link = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    };
    assertEquals(await world.status("GET /", link), 200);
    assertEquals(await world.status("GET /below/a", link), 403);
    assertEquals(world.handled.length, 3);
  },
});

Deno.test({
  name: "HttpFront answers a wrong password late, and few at a time",
  permissions,
  async fn() {
    await using world = new World({ login: new Login("me:secret") });
    const { clock } = world;
    const without = await world.ask("GET /");
    assert(without.text.startsWith("HTTP/1.1 401 "));
    assert(without.text.includes("www-authenticate: Basic "));
    assertEquals(await world.status("GET /", basic("me:secret")), 200);
    const wrong = await world.ask("GET /", basic("me:wrong"));
    await clock.advance(99);
    assertEquals(wrong.text, "");
    await clock.advance(1);
    assert(wrong.text.startsWith("HTTP/1.1 401 "));
    // The right one is not held up by wrong ones ...
    const guesses: Pipe[] = [];
    for (let i = 0; i < 7; i++) {
      guesses.push(await world.ask("GET /", basic(`me:${i}`)));
    }
    assertEquals(await world.status("GET /", basic("me:secret")), 200);
    // ... until all places are taken: then no guess is heard at all.
    guesses.push(await world.ask("GET /", basic("me:8")));
    assertEquals(await world.status("GET /", basic("me:secret")), 429);
    assertEquals(
      await world.status("GET /", basic("me:secret"), "192.0.2.2"),
      200,
    );
    await clock.advance(5_000);
    for (const guess of guesses) assert(guess.text.includes(" 401 "));
    assertEquals(await world.status("GET /", basic("me:secret")), 200);
    assertEquals(world.handled.length, 4);
    // Nobody waits for a delay when the server ends.
    await world.ask("GET /", basic("me:wrong"));
  },
});

Deno.test({
  name: "HttpFront holds no more bodies than there is room for",
  permissions,
  async fn() {
    await using world = new World();
    const length = 40 * 1024 * 1024;
    const body = { "content-length": `${length}` };
    const first = await world.ask("POST /post", body);
    assertEquals(await world.status("POST /post", body), 503);
    first.end();
    await drain();
    assert(first.text.startsWith("HTTP/1.1 400 "), "the body was cut");
    const next = await world.ask("POST /post", body);
    assertEquals(next.text, "");
    next.end();
    assertEquals(
      await world.status("POST /post", { "content-length": "0" }),
      200,
    );
    const chunks = { "transfer-encoding": "chunked" };
    assertEquals(await world.status("POST /post", chunks), 411);
    assertEquals(
      await world.status("POST /post", { "content-length": "1000000001" }),
      413,
    );
  },
});

Deno.test({
  name: "HttpFront turns away who asks too often",
  permissions,
  async fn() {
    await using world = new World();
    const pipe = await world.listener.connect("192.0.2.1");
    const get = "GET /below/a HTTP/1.1\r\nhost: localhost\r\n\r\n";
    pipe.say(get.repeat(5_001));
    for (let i = 0; i < 500 && pipe.answers < 5_001; i++) await drain();
    assertEquals(pipe.text.match(/ 200 OK/g)?.length, 5_000);
    assertEquals(pipe.text.match(/ 429 Too Many Requests/g)?.length, 1);
    assert(pipe.text.includes("retry-after: "));
    assertEquals(await world.status("GET /below/a", {}, "192.0.2.2"), 200);
  },
});

Deno.test({
  name: "only this machine comes in without a login",
  permissions,
  fn() {
    const at = (hostname: string) => ({ hostname, port: 0 });
    for (const hostname of ["127.0.0.1", "::1", "localhost", "127.1.2.3"]) {
      assertEquals(checkExposure(at(hostname), false, false), undefined);
    }
    for (const hostname of ["0.0.0.0", "::", "192.0.2.1", "bip.example"]) {
      assertThrows(() => checkExposure(at(hostname), false, true), TypeError);
      assert(checkExposure(at(hostname), true, false)?.includes("no TLS"));
      assertEquals(checkExposure(at(hostname), true, true), undefined);
    }
    const clock = new SimClock();
    assertThrows(
      () => HttpFront.listen(at("0.0.0.0"), { clock, routes: [] }),
      TypeError,
      "without a login",
    );
  },
});
