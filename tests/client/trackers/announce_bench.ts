/** An announce machine whose announces go on their way at once. */
import {
  type AnnounceResponse,
  TrackerError,
} from "../../../_shared/announce.ts";
import { seededRandom } from "../../../_shared/random.ts";
import {
  type AnnounceInput,
  AnnounceMachine,
  type AnnounceOutput,
} from "../../../client/trackers/announce_machine.ts";

/** Milliseconds. */
export const SECOND = 1_000;
export const MINUTE = 60_000;

/** A machine whose announces go on their way as soon as they are put out. */
export class Driven {
  readonly machine: AnnounceMachine;
  now = 0;
  wanted = false;

  constructor(tiers: readonly (readonly string[])[]) {
    this.machine = new AnnounceMachine({
      tiers,
      random: seededRandom(1),
      wanted: () => this.wanted,
    });
  }

  /** Performs what is put out: announces by URL and event, others by name. */
  drain(): string[] {
    const list: string[] = [];
    for (let o: AnnounceOutput | undefined; (o = this.machine.poll());) {
      if (o.type === "announce") {
        list.push(o.event === undefined ? o.url : `${o.url} ${o.event}`);
        this.machine.handle({ type: "asked", url: o.url }, this.now);
      } else list.push(o.type === "cancel" ? `${o.url} cancelled` : o.type);
    }
    return list;
  }

  input(input: AnnounceInput): string[] {
    this.machine.handle(input, this.now);
    return this.drain();
  }

  ok(url: string, extra: Partial<AnnounceResponse> = {}): string[] {
    return this.input({ type: "result", url, response: ok(extra) });
  }

  down(url: string, retryInMs?: number): string[] {
    return this.input({ type: "failed", url, error: down(retryInMs) });
  }

  /** Lets time pass up to a moment; what was put out, and when. */
  until(end: number): [number, string][] {
    const list: [number, string][] = [];
    while ((this.machine.deadline ?? Infinity) <= end) {
      this.now = Math.max(this.now, this.machine.deadline!);
      this.machine.handleTimeout(this.now);
      list.push(...this.drain().map((o): [number, string] => [this.now, o]));
    }
    this.now = end;
    return list;
  }
}

const ok = (
  extra: Partial<AnnounceResponse> = {},
): AnnounceResponse => ({
  intervalMs: 30 * MINUTE,
  peers: [],
  ...extra,
});
const down = (retryInMs?: number) =>
  new TrackerError("unreachable", "Tracker is away", { retryInMs });
