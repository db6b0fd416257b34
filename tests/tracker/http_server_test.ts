import { assert, assertEquals } from "@std/assert";
import { fromByteString, toByteString } from "../../_shared/bytes.ts";
import {
  HttpServer,
  type HttpServerOptions,
} from "../../tracker/http_server.ts";
import { type Pipe, PipeListener } from "../support/http_pipe.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";

const permissions = "none";

class World extends PipeListener implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly server: HttpServer;

  constructor(options: Partial<HttpServerOptions> = {}) {
    super();
    this.server = new HttpServer(this, {
      handler: ({ target }) => ({ status: 200, body: `<${target}>` }),
      clock: this.clock,
      ...options,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.server.close();
    await this.clock.advance(5_000);
    await closing;
    assertEquals(this.clock.pending, 0);
  }
}

const GET = "GET /x HTTP/1.1\r\n\r\n";

Deno.test({
  name: "HttpServer answers in order, and not what is hidden in a body",
  permissions,
  async fn() {
    const asked: string[] = [];
    await using world = new World({
      handler: async ({ target }, { hostname }) => {
        asked.push(target);
        await Promise.resolve();
        if (target === "/broken") throw new Error("broken");
        return { status: 200, contentType: "a/b", body: `<${hostname}>` };
      },
    });
    const pipe = await world.connect(
      "192.0.2.1",
      GET + "HEAD /y HTTP/1.1\r\n\r\nGET /broken HTTP/1.1\r\n\r\n",
    );
    assertEquals(
      pipe.text,
      "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 11\r\n" +
        "cache-control: no-store\r\nconnection: keep-alive\r\n\r\n" +
        "<192.0.2.1>" +
        "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 11\r\n" +
        "cache-control: no-store\r\nconnection: keep-alive\r\n\r\n" +
        "HTTP/1.1 500 Internal Server Error\r\ncontent-type: text/plain\r\n" +
        "content-length: 15\r\ncache-control: no-store\r\n" +
        "connection: keep-alive\r\n\r\nInternal error\n",
    );
    pipe.say("POST /post HTTP/1.1\r\nContent-Length: 20\r\n\r\n" + GET);
    await drain();
    assertEquals(asked, ["/x", "/y", "/broken", "/post"]);
    assert(pipe.text.includes("connection: close"));
    assertEquals(pipe.isClosed, false, "the rest is thrown away first");
    pipe.end();
    await drain();
    assertEquals(pipe.isClosed, true);
    const junk = await world.connect("192.0.2.1", "junk\r\n\r\n" + GET);
    assertEquals(junk.answers, 1);
    assert(junk.text.startsWith("HTTP/1.1 400 Bad Request"));
    await world.clock.advance(3_000);
    assert(junk.isClosed);
    assertEquals(world.server.connections, 0);
  },
});

Deno.test({
  name: "HttpServer closes who says nothing, too little, or reads nothing",
  permissions,
  async fn() {
    await using world = new World();
    const silent = await world.connect();
    const dripping = await world.connect("192.0.2.2", "G");
    const blank = await world.connect("192.0.2.3", "\r\n");
    const deaf = await world.connect("192.0.2.4");
    deaf.reads = false;
    for (let i = 0; i < 2000; i++) deaf.say(GET);
    const idle = await world.connect("192.0.2.5", GET);
    for (let second = 0; second < 9; second++) {
      await world.clock.advance(1_000);
      if (!dripping.isClosed) dripping.say("x");
      if (!blank.isClosed) blank.say("\r\n");
    }
    assertEquals(world.server.connections, 5);
    await world.clock.advance(2_000);
    assert(silent.isClosed && dripping.isClosed && blank.isClosed);
    assert(deaf.isClosed, "an answer that nobody takes is not kept");
    assertEquals([idle.isClosed, idle.answers], [false, 1]);
    idle.say(GET);
    await world.clock.advance(14_000);
    assertEquals([idle.isClosed, idle.answers], [false, 2]);
    await world.clock.advance(2_000);
    assert(idle.isClosed);
    assertEquals(world.server.connections, 0);
  },
});

Deno.test({
  name: "HttpServer makes room: of an address among its own, else the idlest",
  permissions,
  async fn() {
    await using world = new World({
      maxConnections: 10,
      maxConnectionsPerAddress: 4,
    });
    const first = await world.connect("192.0.2.1", GET);
    const flood: Pipe[] = [];
    for (let i = 0; i < 50; i++) {
      flood.push(await world.connect(`2001:db8::${i}`, "G"));
    }
    assertEquals(world.server.connections, 5);
    assertEquals(flood.filter((pipe) => !pipe.isClosed), flood.slice(-4));
    const other = await world.connect("2001:db8:0:1::1", GET);
    assertEquals([first.isClosed, other.answers], [false, 1]);
    for (let i = 0; i < 100; i++) {
      await world.connect(`198.51.100.${i}`, "G");
      assert(world.server.connections <= 10);
    }
    assert(first.isClosed);
    // Among all of them somebody who asks at once is answered.
    assertEquals((await world.connect("192.0.2.1", GET)).answers, 1);
  },
});

Deno.test({
  name: "HttpServer turns newcomers away while all others are being answered",
  permissions,
  async fn() {
    const gate = Promise.withResolvers<void>();
    await using world = new World({
      maxConnections: 2,
      handler: async () => {
        await gate.promise;
        return { status: 200 };
      },
    });
    const two = [
      await world.connect("192.0.2.1", GET),
      await world.connect("192.0.2.2", GET),
    ];
    assert((await world.connect("192.0.2.3", GET)).isClosed);
    await world.clock.advance(60_000);
    gate.resolve();
    await drain();
    assertEquals(two.map((pipe) => pipe.answers), [1, 1]);
    assertEquals((await world.connect("192.0.2.3", GET)).answers, 1);
  },
});

Deno.test({
  name: "HttpServer goes on accepting when descriptors run out",
  permissions,
  async fn() {
    await using world = new World({ maxConnections: 100 });
    const many: Pipe[] = [];
    for (let i = 0; i < 60; i++) {
      many.push(await world.connect(`192.0.2.${i}`));
    }
    // Connections that are gone already hold nobody up, and cost nobody.
    for (let i = 0; i < 3; i++) world.fail(new Deno.errors.NotConnected());
    many.push(await world.connect("192.0.2.60", GET));
    assertEquals([many[60]!.answers, world.server.connections], [1, 61]);
    for (let i = 0; i < 3; i++) world.fail();
    await drain();
    const { accepts } = world;
    await drain();
    assertEquals(world.accepts, accepts, "it pauses instead of spinning");
    assertEquals(world.server.connections, 45, "and lets some go");
    await world.clock.advance(300);
    const late = await world.connect("198.51.100.1", GET);
    assertEquals(late.answers, 1);
    assert(world.server.connections <= 45);
  },
});

Deno.test({
  name: "HttpServer closes: idle ones at once, answers under way are finished",
  permissions,
  async fn() {
    const gate = Promise.withResolvers<void>();
    await using world = new World({
      handler: async () => {
        await gate.promise;
        return { status: 200 };
      },
    });
    const idle = await world.connect("192.0.2.1", "GET");
    const busy = await world.connect("192.0.2.2", GET + GET);
    const deaf = await world.connect("192.0.2.3", GET);
    deaf.reads = false;
    const closing = world.server.close();
    await drain();
    assert(idle.isClosed && !busy.isClosed);
    gate.resolve();
    await drain();
    assertEquals([busy.answers, busy.isClosed], [1, true]);
    assert(busy.text.includes("connection: close"));
    await world.clock.advance(12_000);
    await closing;
    assert(deaf.isClosed);
  },
});

Deno.test({
  name: "HttpServer reads a body for who asks, and goes on behind it",
  permissions,
  async fn() {
    const bodies: string[] = [];
    await using world = new World({
      handler: async ({ method }, _, readBody) => {
        if (method === "POST") bodies.push(toByteString(await readBody(10)));
        return { status: 200, body: "ok" };
      },
    });
    const pipe = await world.connect(
      "192.0.2.1",
      "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n01234",
    );
    pipe.say("56789" + GET);
    await drain();
    assertEquals([pipe.answers, pipe.isClosed], [2, false]);
    pipe.say("POST / HTTP/1.1\r\nExpect: 100-continue\r\n");
    pipe.say("Content-Length: 2\r\n\r\n");
    await drain();
    assert(pipe.text.endsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    pipe.say("ab" + GET);
    await drain();
    assertEquals(bodies, ["0123456789", "ab"]);
    assertEquals(pipe.answers, 5);
    const rows = [
      ["Content-Length: 11\r\n", "413 Content Too Large"],
      ["Transfer-Encoding: chunked\r\n", "411 Length Required"],
    ];
    for (const [header, status] of rows) {
      const bad = await world.connect(
        "192.0.2.1",
        `POST / HTTP/1.1\r\n${header}\r\n${GET}`,
      );
      assert(bad.text.startsWith(`HTTP/1.1 ${status}\r\n`), bad.text);
      assertEquals(bad.answers, 1);
      bad.end();
    }
    assertEquals(bodies.length, 2);
    // A body that drips in is not waited for without end.
    const slow = await world.connect(
      "192.0.2.1",
      "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n",
    );
    for (let second = 0; second < 9; second++) {
      slow.say("x");
      await world.clock.advance(1_000);
    }
    await world.clock.advance(2_500);
    assert(slow.isClosed);
  },
});

Deno.test({
  name: "HttpServer pours a stream as long as somebody reads it",
  permissions,
  async fn() {
    const log: string[] = [];
    let feed!: ReadableStreamDefaultController<Uint8Array>;
    await using world = new World({
      handler: ({ target }) => ({
        status: 206,
        ...(target === "/told" ? { headers: [["content-length", "3"]] } : {}),
        body: new ReadableStream<Uint8Array>({
          start: (controller) => void (feed = controller),
          cancel: () => void log.push(`cancel ${target}`),
        }),
      }),
    });
    const told = await world.connect(
      "192.0.2.1",
      "GET /told HTTP/1.1\r\n\r\n",
    );
    feed.enqueue(fromByteString("ab"));
    // It may be long until the next part is there.
    await world.clock.advance(60_000);
    feed.enqueue(fromByteString("c"));
    feed.close();
    await drain();
    assert(told.text.endsWith("keep-alive\r\n\r\nabc"));
    told.say("HEAD /told HTTP/1.1\r\n\r\n");
    await drain();
    assertEquals([told.answers, told.isClosed], [2, false]);
    assertEquals(log.splice(0), ["cancel /told"]);
    // Two requests at once: the second is answered behind the first.
    told.say("GET /told HTTP/1.1\r\n\r\nGET /told HTTP/1.1\r\n\r\n");
    await drain();
    feed.close();
    await drain();
    assertEquals(told.answers, 4);
    told.end();
    await drain();
    assertEquals(log.splice(0), ["cancel /told"]);
    assert(told.isClosed);
    const open = await world.connect("192.0.2.2", "GET /open HTTP/1.1\r\n\r\n");
    feed.enqueue(fromByteString("x"));
    feed.close();
    await drain();
    assert(open.text.endsWith("connection: close\r\n\r\nx") && open.isClosed);
    // A client that takes nothing is closed, and the stream told.
    const deaf = await world.connect("192.0.2.3", "GET /deaf HTTP/1.1\r\n\r\n");
    await drain();
    deaf.reads = false;
    feed.enqueue(fromByteString("x"));
    await world.clock.advance(12_000);
    assert(deaf.isClosed);
    assertEquals(log.splice(0), ["cancel /deaf"]);
    // One that is gone before the head of the answer is no reader, either.
    const gone = await world.connect("192.0.2.3");
    gone.reads = false;
    gone.say("GET /gone HTTP/1.1\r\n\r\n");
    await world.clock.advance(12_000);
    assert(gone.isClosed);
    assertEquals(log, ["cancel /gone"]);
    // Nor does a stream hold up the end.
    await world.connect("192.0.2.4", "GET /last HTTP/1.1\r\n\r\n");
  },
});
