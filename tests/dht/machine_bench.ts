/** One machine whose every datagram is kept. */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  type DhtNodeInput,
  DhtNodeMachine,
  type DhtNodeMachineOptions,
  type DhtNodeOutput,
  type DhtProgress,
  encodeKrpc,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcResponse,
  secureNodeId,
  tryDecodeKrpc,
} from "../../dht/mod.ts";

/** Who asks, if a test does not say. */
export const id: Uint8Array = new Uint8Array(20).fill(0xee);

/** An address in a subnet of its own. */
export function at(number: number): Endpoint {
  return { hostname: `5.${number >> 8}.${number & 255}.9`, port: 6881 };
}

/** An id that fits an address, so that it is taken for what it says. */
export function idOf(number: number): Uint8Array {
  const ip = Uint8Array.from(at(number).hostname.split("."), Number);
  return secureNodeId(ip, seededRandom(number));
}

/** See the file. */
export class MachineBench {
  readonly machine: DhtNodeMachine;
  now = 0;
  readonly sent: [to: Endpoint, message: KrpcMessage, length: number][] = [];
  readonly outputs: DhtNodeOutput[] = [];

  constructor(options: Partial<DhtNodeMachineOptions> = {}) {
    this.machine = new DhtNodeMachine({
      random: seededRandom(3),
      startedAt: 0,
      ...options,
    });
  }

  input(input: DhtNodeInput): void {
    this.machine.handle(input, this.now);
    this.drain();
  }

  drain(): void {
    for (let out = this.machine.poll(); out; out = this.machine.poll()) {
      if (out.type !== "send") {
        this.outputs.push(out);
        continue;
      }
      const message = tryDecodeKrpc(out.data.slice());
      assert(message.type !== "drop" && message.type !== "error-reply");
      this.sent.push([out.to, message, out.data.length]);
    }
  }

  advance(ms: number): void {
    const end = this.now + ms;
    while (this.machine.deadline <= end) {
      this.now = Math.max(this.now, this.machine.deadline);
      this.machine.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  receive(message: KrpcMessage, from: Endpoint): void {
    const data = encodeKrpc(message).slice();
    this.input({ type: "datagram", data, from });
    // Nobody may have kept a view of it.
    data.fill(0xff);
  }

  /** Asks it something as a stranger; gives the answer, if any. */
  ask(
    query: Record<string, unknown> & Pick<KrpcQuery, "method">,
    from: Endpoint,
    readOnly = true,
  ): KrpcMessage | undefined {
    const before = this.sent.length;
    const transactionId = Uint8Array.of(9, 9);
    const base = { type: "query", transactionId, id, readOnly };
    this.receive({ ...base, ...query } as KrpcQuery, from);
    const found = this.sent.slice(before).filter(([to, message]) =>
      to.hostname === from.hostname && message.type !== "query"
    );
    assert(found.length <= 1, "one answer at most");
    if (found.length === 0) return undefined;
    assertEquals(found[0]![1].transactionId, transactionId);
    return found[0]![1];
  }

  /** Queries that were sent since the last call. */
  takeQueries(): [to: Endpoint, query: KrpcQuery][] {
    return this.sent.splice(0).flatMap(([to, message]) =>
      message.type === "query" ? [[to, message] as const] : []
    ) as [Endpoint, KrpcQuery][];
  }

  answer(
    [to, query]: [Endpoint, KrpcQuery],
    fields: Partial<KrpcResponse> = {},
  ): void {
    const { transactionId } = query;
    this.receive({ type: "response", transactionId, id, ...fields }, to);
  }

  progress(requestId: number): DhtProgress[] {
    return this.outputs.flatMap((out) =>
      out.type === "progress" && out.requestId === requestId
        ? [out.progress]
        : []
    );
  }

  /** Makes it know nodes, by having them answer. */
  befriend(count: number): void {
    const contacts = Array.from({ length: count }, (_, i) => at(i));
    for (let i = 0; i < count; i += 20) {
      for (let k = i; k < Math.min(count, i + 20); k++) {
        this.input({ type: "ping", requestId: 1e6 + k, address: contacts[k]! });
      }
      for (const one of this.takeQueries()) {
        const number = contacts.findIndex(({ hostname }) =>
          hostname === one[0].hostname
        );
        this.answer(one, { id: idOf(number) });
      }
    }
    this.takeQueries();
  }
}
