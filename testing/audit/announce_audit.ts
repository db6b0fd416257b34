/**
 * Reads along with the announces of one host and notes what breaks the rules
 * of trackers.
 * It shares no code with what it checks.
 */
import type {
  AnnounceRequest,
  AnnounceResponse,
} from "../../_shared/announce.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { TrackerClient } from "../../client/types.ts";

/** No announce for want of peers comes sooner after another. */
const EARLIEST_MS = 5 * 60_000;
/** No announce comes sooner after one that failed. */
const LEAST_BACKOFF_MS = 5_000;

/** What one tracker was told of one torrent. */
interface Line {
  readonly url: string;
  answer: AnnounceResponse | undefined;
  answeredAt: number;
  failedAt: number;
  started: boolean;
  completed: boolean;
  /** Whether the last regular announce was early. */
  early: boolean;
  uploaded: number;
  downloaded: number;
}

/** What a host tells trackers, and what is wrong with it. */
export class AnnounceAudit {
  /** Rules that were broken, one line each. */
  readonly violations: string[] = [];
  /** Announces, oldest first. */
  readonly told: AnnounceRequest[] = [];
  readonly #clock: Clock;
  readonly #missing: (infoHash: Uint8Array) => number | undefined;
  readonly #lines = new Map<string, Line>();

  /**
   * Begins to read along.
   *
   * @param clock Clock to use.
   * @param missing Bytes of a torrent that are not stored, where that is known.
   */
  constructor(
    clock: Clock,
    missing: (infoHash: Uint8Array) => number | undefined,
  ) {
    this.#clock = clock;
    this.#missing = missing;
  }

  /**
   * Wraps a client.
   *
   * @param client The client.
   * @returns One that reads along.
   */
  wrap(client: TrackerClient): TrackerClient {
    return {
      announce: async (url, request, options) => {
        const line = this.#line(url, request);
        this.#check(line, request);
        this.told.push(request);
        try {
          const answer = await client.announce(url, request, options);
          line.answer = answer;
          line.answeredAt = this.#clock.now();
          line.failedAt = -Infinity;
          return answer;
        } catch (error) {
          line.failedAt = this.#clock.now();
          throw error;
        }
      },
    };
  }

  /** Notes trackers that were not told that the host left. */
  assertLeft(): void {
    for (const { url, started, answer, failedAt } of this.#lines.values()) {
      if (started && answer !== undefined && failedAt === -Infinity) {
        this.violations.push(`${url} was not told that we left`);
      }
    }
  }

  #line(url: string, { infoHash }: AnnounceRequest): Line {
    const key = `${url} ${infoHash.join()}`;
    let line = this.#lines.get(key);
    if (line === undefined) {
      line = {
        url,
        answer: undefined,
        answeredAt: -Infinity,
        failedAt: -Infinity,
        started: false,
        completed: false,
        early: false,
        uploaded: 0,
        downloaded: 0,
      };
      this.#lines.set(key, line);
    }
    return line;
  }

  #check(line: Line, request: AnnounceRequest): void {
    const { event, left, uploaded, downloaded } = request;
    const now = this.#clock.now();
    const complain = (what: string) =>
      this.violations.push(`${Math.round(now)} ms: ${line.url}: ${what}`);
    const missing = this.#missing(request.infoHash);
    if (missing !== undefined && left < missing) {
      complain(`left=${left}, but ${missing} bytes are missing`);
    }
    if (event === "started") {
      if (line.started && line.answer !== undefined) complain("started twice");
      line.started = true;
      line.completed = false;
      line.early = false;
      line.answer = undefined;
      line.uploaded = line.downloaded = 0;
    } else if (!line.started) complain(`${event} before started`);
    if (uploaded < line.uploaded || downloaded < line.downloaded) {
      complain("figures went back");
    }
    line.uploaded = uploaded;
    line.downloaded = downloaded;
    if (event === "completed") {
      if (line.completed) complain("completed twice");
      if (left !== 0) complain(`completed with left=${left}`);
      line.completed = true;
    } else if (event === "stopped") line.started = false;
    else if (now < line.failedAt + LEAST_BACKOFF_MS) {
      complain("asked again at once after a failure");
    } else if (event !== "started") this.#checkTime(line, request, complain);
  }

  #checkTime(
    line: Line,
    { event, left }: AnnounceRequest,
    complain: (what: string) => void,
  ): void {
    const { answer, answeredAt } = line;
    if (answer === undefined) return complain("no event before an answer");
    if (event === "paused" && left === 0) complain("paused with left=0");
    const { intervalMs, minIntervalMs = 0 } = answer;
    const after = this.#clock.now() - answeredAt;
    const regular = Math.max(intervalMs, minIntervalMs);
    if (after >= regular) {
      line.early = false;
      return;
    }
    const text = `${Math.round(after / 1000)} s after an answer that asks for ${
      regular / 1000
    } s`;
    if (left === 0 || event === "paused") complain(`a seed announces ${text}`);
    else if (line.early) complain(`early for the second time, ${text}`);
    else if (after < Math.max(EARLIEST_MS, minIntervalMs)) {
      complain(`announces ${text}`);
    }
    line.early = true;
  }
}
