import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import {
  HolepunchMachine,
  type PunchPeer,
} from "../../../client/swarm/holepunch_machine.ts";
import type { UtHolepunchMessage } from "../../../peer/ut_holepunch.ts";
import { PEX_FLAG } from "../../../peer/ut_pex.ts";

const none = { permissions: "none" } as const;

function at(text: string): Endpoint {
  const [, hostname, port] = /^(.*):(\d+)$/.exec(text)!;
  return { hostname: hostname!, port: Number(port) };
}
function textOf({ hostname, port }: Endpoint): string {
  return `${hostname}:${port}`;
}

interface Kind {
  readonly transport?: string;
  /** Where it says that it listens. */
  readonly listening?: string;
  readonly speaks?: boolean;
}

/** A machine, its peers, and what it wants. */
class Run {
  readonly peers = new Map<number, PunchPeer>();
  readonly machine = new HolepunchMachine(this.peers);
  now = 1_000_000;

  /** Connects a peer. */
  peer(address: string, kind: Kind = {}): number {
    const { transport = "utp", listening, speaks = true } = kind;
    const key = this.peers.size + 1;
    this.peers.set(key, {
      address: at(address),
      transport,
      listening: listening === undefined ? undefined : at(listening),
      connection: {
        supports: (name) => speaks && name === "ut_holepunch",
      },
    });
    return key;
  }

  take(): string[] {
    const all: string[] = [];
    let output;
    while ((output = this.machine.poll()) !== undefined) {
      if (output.type === "dial") all.push(`dial ${textOf(output.endpoint)}`);
      else {
        const { key, message: { type, endpoint, errorCode } } = output;
        const error = errorCode > 0 ? ` ${errorCode}` : "";
        all.push(`${key} ${type} ${textOf(endpoint)}${error}`);
      }
    }
    return all;
  }

  told(
    key: number,
    added: readonly string[],
    flags: number = PEX_FLAG.holepunch,
  ) {
    this.machine.handle({
      type: "told",
      key,
      message: { added: added.map((a) => ({ ...at(a), flags })), dropped: [] },
    }, this.now);
  }

  dropped(key: number, text: string) {
    const message = { added: [], dropped: [at(text)] };
    this.machine.handle({ type: "told", key, message }, this.now);
  }

  unreachable(text: string): string[] {
    const endpoint = at(text);
    this.machine.handle({ type: "unreachable", endpoint }, this.now);
    return this.take();
  }

  gone(key: number) {
    this.peers.delete(key);
    this.machine.handle({ type: "gone", key }, this.now);
  }

  message(
    key: number,
    type: UtHolepunchMessage["type"],
    endpoint: string,
    errorCode = 0,
  ): string[] {
    const message = { type, endpoint: at(endpoint), errorCode };
    this.machine.handle({ type: "message", key, message }, this.now);
    return this.take();
  }

  /** Lets time pass up to the deadline. */
  wait(): [waitedMs: number | undefined, wanted: string[]] {
    const { deadline } = this.machine;
    if (deadline === undefined) return [undefined, []];
    const waited = deadline - this.now;
    this.now = deadline;
    this.machine.handleTimeout(deadline);
    return [waited, this.take()];
  }
}

const TARGET = "9.1.1.1:6881";

Deno.test(
  "an introducer that named the peer is asked, then both dial",
  none,
  () => {
    const run = new Run();
    const [other, relay] = [run.peer("8.1.1.1:1000"), run.peer("8.2.2.2:1000")];
    assertEquals(run.unreachable(TARGET), [], "nobody named it");
    run.told(other, [TARGET], PEX_FLAG.utp);
    assertEquals(run.unreachable(TARGET), [], "it does not speak of it");
    run.told(relay, [TARGET]);
    assertEquals(run.unreachable(TARGET), [`${relay} rendezvous ${TARGET}`]);
    assertEquals(run.unreachable(TARGET), [], "it is asked already");
    // Another port of the same host: what its router made of it.
    assertEquals(run.message(relay, "connect", "9.1.1.1:7777"), [
      "dial 9.1.1.1:7777",
    ]);
    assertEquals(run.wait(), [undefined, []]);
  },
);

Deno.test(
  "the next introducer is asked where one fails or is silent",
  none,
  () => {
    const run = new Run();
    const [a, b] = [run.peer("8.1.1.1:1000"), run.peer("8.2.2.2:1000")];
    for (const key of [a, b]) run.told(key, [TARGET]);
    assertEquals(run.unreachable(TARGET), [`${a} rendezvous ${TARGET}`]);
    assertEquals(run.message(b, "error", TARGET, 2), [], "not asked");
    assertEquals(run.message(a, "error", TARGET, 2), [
      `${b} rendezvous ${TARGET}`,
    ]);
    assertEquals(run.wait(), [10_000, [`${a} rendezvous ${TARGET}`]]);
    assertEquals(run.wait(), [10_000, [`${b} rendezvous ${TARGET}`]]);
    // Each of them twice, no more.
    assertEquals(run.wait(), [10_000, []]);
    assertEquals(run.unreachable(TARGET), []);
    // Unless it is named anew.
    run.dropped(a, TARGET);
    run.told(a, [TARGET]);
    assertEquals(run.unreachable(TARGET), [`${a} rendezvous ${TARGET}`]);
    run.gone(a);
    assertEquals([run.wait(), run.unreachable(TARGET)], [[undefined, []], []]);
  },
);

Deno.test("who does not speak of it, or has left, is not asked", none, () => {
  const run = new Run();
  const mute = run.peer("8.1.1.1:1000", { speaks: false });
  run.told(mute, [TARGET]);
  assertEquals(run.unreachable(TARGET), []);
  assertEquals(run.message(mute, "connect", TARGET), []);
  assertEquals(run.message(99, "connect", TARGET), []);
  const dropper = run.peer("8.2.2.2:1000");
  run.told(dropper, [TARGET]);
  run.dropped(dropper, TARGET);
  assertEquals(run.unreachable(TARGET), []);
});

Deno.test("what peers name and what we ask for is bounded", none, () => {
  const run = new Run();
  const relay = run.peer("8.1.1.1:1000");
  const all = Array.from({ length: 101 }, (_, i) => `9.1.1.${i}:6881`);
  run.told(relay, all);
  assertEquals(run.unreachable(all[0]!), [], "the oldest went");
  const asked = all.slice(1).flatMap((text) => run.unreachable(text));
  assertEquals(asked.length, 20);
});

Deno.test(
  "a relay introduces two peers to each other, as it sees them",
  none,
  () => {
    const run = new Run();
    const a = run.peer("7.1.1.1:5000");
    const b = run.peer("7.2.2.2:6000", { listening: "7.2.2.2:6881" });
    const c = run.peer("7.3.3.3:40000", {
      transport: "tcp",
      listening: "7.3.3.3:6881",
    });
    // By uTP the socket's end counts, whatever it is called.
    for (const name of ["7.2.2.2:6000", "7.2.2.2:6881"]) {
      assertEquals(run.message(a, "rendezvous", name), [
        `${a} connect 7.2.2.2:6000`,
        `${b} connect 7.1.1.1:5000`,
      ]);
    }
    // By TCP it says where it listens.
    assertEquals(run.message(c, "rendezvous", "7.1.1.1:5000"), [
      `${c} connect 7.1.1.1:5000`,
      `${a} connect 7.3.3.3:6881`,
    ]);
    assertEquals(run.message(a, "rendezvous", "7.3.3.3:6881"), [
      `${a} connect 7.3.3.3:6881`,
      `${c} connect 7.1.1.1:5000`,
    ]);
  },
);

Deno.test("a relay says why it does not", none, () => {
  const run = new Run();
  const a = run.peer("7.1.1.1:5000");
  run.peer("7.2.2.2:6000", { speaks: false });
  run.peer("192.168.1.7:6881");
  run.peer("2001:db8::1:6881");
  const unknown = run.peer("7.9.9.9:40000", { transport: "tcp" });
  const errors: [number, string, number][] = [
    [a, "0.0.0.0:6881", 1],
    [a, "224.0.0.1:6881", 1],
    [a, "7.2.2.2:0", 1],
    [a, "7.4.4.4:6881", 2],
    [a, "7.2.2.2:6000", 3],
    [a, "7.1.1.1:5000", 4],
    // Never between local and public, nor between families.
    [a, "192.168.1.7:6881", 1],
    [3, "7.1.1.1:5000", 1],
    [a, "2001:db8::1:6881", 1],
    // Nobody knows where its datagrams would come from.
    [unknown, "7.1.1.1:5000", 1],
  ];
  for (const [key, wanted, code] of errors) {
    run.now += 10_000;
    assertEquals(run.message(key, "rendezvous", wanted), [
      `${key} error ${wanted} ${code}`,
    ]);
  }
});

Deno.test("a relay passes on so many, for one and to one", none, () => {
  const run = new Run();
  const target = run.peer("7.1.1.1:5000");
  const askers = [1, 2, 3].map((n) => run.peer(`7.2.2.${n}:5000`));
  let told = 0;
  let answers = 0;
  for (const key of askers) {
    for (let n = 0; n < 30; n++) {
      const wanted = run.message(key, "rendezvous", "7.1.1.1:5000");
      told += wanted.filter((text) => text.startsWith(`${target} `)).length;
      answers += wanted.length;
    }
  }
  assertEquals([told, answers], [10, 20]);
  run.now += 10_000;
  const again = [...askers, ...askers].flatMap((key) =>
    run.message(key, "rendezvous", "7.1.1.1:5000")
  );
  assertEquals(again.length, 10, "five more in ten seconds");
});

Deno.test(
  "an introduction that nobody asked for is followed, within limits",
  none,
  () => {
    const run = new Run();
    const relay = run.peer("8.1.1.1:1000");
    const near = run.peer("192.168.1.5:1000");
    const follow = (text: string, key = relay) =>
      run.message(key, "connect", text);
    // Who is connected, services, and what is nearer to us than the introducer.
    const refused = [
      "8.1.1.1:1000",
      "9.1.1.1:22",
      "9.1.1.1:3306",
      "192.168.1.1:6881",
      "127.0.0.1:6881",
      "9.1.1.1:0",
      "255.255.255.255:1",
    ];
    for (const text of refused) assertEquals(follow(text), [], text);
    assertEquals(follow("192.168.1.9:6881", near), ["dial 192.168.1.9:6881"]);
    // A host is not dialled again and again, by whatever port.
    assertEquals(follow("9.1.1.1:6881"), ["dial 9.1.1.1:6881"]);
    assertEquals(follow("9.1.1.1:6882"), []);
    run.now += 10_000;
    assertEquals(follow("9.1.1.1:6882"), ["dial 9.1.1.1:6882"]);
    // One peer does not send us around.
    const many = Array.from(
      { length: 30 },
      (_, i) => follow(`9.2.1.${i}:6881`),
    );
    assertEquals(many.flat().length, 4);
    run.now += 10_000;
    const more = Array.from(
      { length: 30 },
      (_, i) => follow(`9.3.1.${i}:6881`),
    );
    assertEquals(more.flat().length, 2);
    // Nor does one that comes back as another.
    run.gone(relay);
    const back = run.peer("8.1.1.1:2000");
    assertEquals(follow("9.5.1.1:6881", back), []);
    run.gone(back);
    run.peer("8.1.1.1:1000");
    // Web servers' ports are for far away.
    run.now += 60_000;
    assertEquals(follow("2001:db8::1:6881"), ["dial 2001:db8::1:6881"]);
    assertEquals(follow("2001:db8::2:6881"), [], "one network, one host");
    assertEquals(follow("9.4.1.1:80"), ["dial 9.4.1.1:80"]);
    assertEquals(follow("192.168.1.8:80", near), []);
  },
);

Deno.test("the first who is waited for is given up first", none, () => {
  const run = new Run();
  const relay = run.peer("8.1.1.1:1000");
  run.told(relay, [TARGET, "9.2.2.2:1"]);
  run.unreachable(TARGET);
  run.now += 4_000;
  run.unreachable("9.2.2.2:1");
  const [waited] = run.wait();
  assertEquals(waited, 6_000);
});

Deno.test("a hundred that one peer names are remembered", none, () => {
  for (const [count, isKnown] of [[100, true], [101, false]] as const) {
    const run = new Run();
    const relay = run.peer("8.1.1.1:1000");
    const names = Array.from({ length: count }, (_, i) => `9.0.${i}.1:6881`);
    run.told(relay, names);
    assertEquals(run.unreachable(names[0]!).length, isKnown ? 1 : 0);
  }
});

Deno.test(
  "nobody is dialled who is connected, or at no address at all",
  none,
  () => {
    const run = new Run();
    const relay = run.peer("8.1.1.1:1000");
    run.peer(TARGET);
    assertEquals(run.message(relay, "connect", TARGET), []);
    for (const bad of ["9.3.3.3:0", "224.0.0.1:7000", "0.0.0.0:7000"]) {
      assertEquals(run.message(relay, "connect", bad), []);
    }
    assertEquals(run.message(relay, "connect", "9.3.3.3:7000"), [
      "dial 9.3.3.3:7000",
    ]);
  },
);
