/**
 * Fetches blocks of a torrent from a web server.
 *
 * @module
 */
import { CheckedFetch, fetchReason } from "../_shared/http/checked_fetch.ts";
import type { HostPlace } from "../_shared/reach.ts";
import { onAborted } from "../_shared/abort.ts";
import type { Bitfield } from "../_shared/bitfield.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { systemResolve } from "../_shared/datagram.ts";
import { Driver } from "../_shared/drive.ts";
import { systemRandom } from "../_shared/random.ts";
import type { BlockAddress } from "../metainfo/piece_layout.ts";
import { BodyReader, READ_BYTES } from "./body_reader.ts";
import { type HostSlot, WebSeedHosts } from "./host_slots.ts";
import { judgeTarget } from "./target.ts";
import { parseWebSeedUrl } from "./url.ts";
import { WebSeedMachine } from "./web_seed_machine.ts";
import type {
  WebSeedGate,
  WebSeedOptions,
  WebSeedStatus,
} from "./web_seed_options.ts";
import type {
  WebSeedInput,
  WebSeedOutput,
  WebSeedState,
} from "./web_seed_types.ts";

/** What runs for one transfer. */
interface Running {
  readonly slot: HostSlot;
  readonly gate: WebSeedGate | undefined;
  host: HostSlot | undefined;
  /** Ends the request under way. */
  request: AbortController;
  response: Response | undefined;
}

/**
 * A web seed (BEP 19): asks for parts of files, or reads whole files where the
 * server knows no parts, and gives blocks of pieces. It checks no hashes:
 * {@linkcode WebSeed.bad} tells it of bad pieces.
 */
export class WebSeed implements AsyncDisposable {
  readonly #options: WebSeedOptions;
  readonly #base: URL;
  readonly #clock: Clock;
  readonly #machine: WebSeedMachine;
  readonly #driver: Driver<WebSeedInput, WebSeedOutput>;
  readonly #hosts: WebSeedHosts;
  readonly #checked: CheckedFetch;
  readonly #running = new Map<number, Running>();
  readonly #tasks = new Set<Promise<void>>();
  /** Places for the transfers that are about to begin, in order. */
  readonly #slots: HostSlot[] = [];
  #cancelWait: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Makes a web seed; nothing is opened before the first request.
   *
   * @param options See {@linkcode WebSeedOptions}.
   * @throws {TypeError} If the URL is no http or https URL.
   */
  constructor(options: WebSeedOptions) {
    const base = parseWebSeedUrl(options.url);
    if (base === undefined) {
      throw new TypeError(
        "Cannot use a web seed as its URL is not http or https",
      );
    }
    const { torrent, random = systemRandom, isLacking, isAlone } = options;
    this.#options = options;
    this.#checked = new CheckedFetch(options.fetch, 3);
    this.#base = base;
    this.#clock = options.clock ?? systemClock;
    this.#hosts = options.hosts ?? new WebSeedHosts(this.#clock);
    this.#machine = new WebSeedMachine({
      url: base,
      torrent,
      random,
      isLacking,
      isAlone,
    });
    this.#driver = new Driver(this.#machine, {
      clock: this.#clock,
      perform: (output) => this.#perform(output),
    });
  }

  /** What it is doing. */
  get state(): WebSeedState {
    return this.#machine.state;
  }

  /** Pieces that it may be asked for; live. */
  get pieces(): Bitfield {
    return this.#machine.pieces;
  }

  /** Payload received, in bytes. */
  get downloadedBytes(): number {
    return this.#machine.downloadedBytes;
  }

  /** Payload received, in bytes a second. */
  get downloadRate(): number {
    return this.#machine.downloadRate(this.#clock.now());
  }

  /**
   * How many blocks may be requested now; 0 for none, as while enough runs. An
   * event `ready` follows then.
   */
  get window(): number {
    const window = this.#machine.window(this.#clock.now());
    if (window === 0) return 0;
    const host = this.#base.hostname;
    if (this.#hosts.hasRoom(host)) return window;
    if (this.#cancelWait === undefined) {
      this.#cancelWait = this.#hosts.whenFree(host, () => {
        this.#cancelWait = undefined;
        this.#options.onEvent({ type: "ready" });
      });
    }
    return 0;
  }

  /**
   * Tells how it is.
   *
   * @returns A snapshot.
   */
  status(): WebSeedStatus {
    const { state, message, waitsUntil, active } = this.#machine;
    return {
      name: this.#base.origin,
      state,
      message,
      nextInMs: waitsUntil &&
        Math.max(0, waitsUntil - this.#clock.now()),
      active,
      downloadedBytes: this.downloadedBytes,
      downloadRate: this.downloadRate,
    };
  }

  /**
   * Asks for blocks. They come as events `block`, what does not come as
   * `unserved`; other blocks may come, too. Needs `--allow-net` of the host.
   *
   * @param blocks In ascending order, no more than `window`.
   */
  request(blocks: readonly BlockAddress[]): void {
    const slot = this.#closing === undefined
      ? this.#hosts.tryTake(this.#base.hostname, () => this.#giveWay(slot!))
      : undefined;
    if (slot === undefined) {
      return this.#options.onEvent({ type: "unserved", blocks });
    }
    this.#slots.push(slot);
    this.#driver.input({ type: "want", blocks });
  }

  /**
   * Takes a block back.
   *
   * @param block Which one; one that was not requested is passed over.
   */
  cancel(block: BlockAddress): void {
    this.#driver.input({ type: "cancel", block });
  }

  /**
   * Tells of a piece whose bytes all came from here, or that part of it that is
   * wrong, and that failed its hash check. Its file is left alone from now on; of
   * a piece with several files, those that it happens to again. A single file or
   * many bad pieces end it.
   *
   * @param pieceIndex Which piece.
   */
  bad(pieceIndex: number): void {
    this.#driver.input({ type: "bad", pieceIndex });
  }

  /** Ends what is under way; it may be asked again. */
  stop(): void {
    this.#driver.input({ type: "stop" });
  }

  /**
   * Ends what is under way and closes connections. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode WebSeed.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#driver.input({ type: "close" });
    this.#cancelWait?.();
    await Promise.all([...this.#tasks]);
    this.#driver.close();
    this.#checked.close();
  }

  #perform(output: WebSeedOutput): void {
    switch (output.type) {
      case "request":
        this.#track(this.#ask(output));
        break;
      case "read":
        this.#track(this.#read(output.id, this.#running.get(output.id)!));
        break;
      case "done":
        this.#done(output);
        break;
      default:
        this.#options.onEvent(output);
        if (output.type === "state" && this.state === "ready") {
          this.#options.onEvent({ type: "ready" });
        }
    }
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    void task.finally(() => this.#tasks.delete(task));
  }

  #done({ id, blocks, failed }: WebSeedOutput & { type: "done" }): void {
    const running = this.#running.get(id);
    if (running !== undefined) {
      this.#running.delete(id);
      this.#track(giveUp(running));
      running.slot.free();
      if (failed) this.#hosts.failed(this.#base.hostname);
    } else this.#slots.shift()?.free();
    if (blocks.length > 0) this.#options.onEvent({ type: "unserved", blocks });
    if (this.state === "ready") this.#options.onEvent({ type: "ready" });
  }

  /** Ends the transfer of a place that another web seed needs. */
  #giveWay(slot: HostSlot): void {
    const reason = "Another web seed needs the place";
    for (const [id, running] of this.#running) {
      if (running.slot !== slot) continue;
      return this.#driver.input({ type: "failed", id, reason, isLocal: true });
    }
  }

  /** Sends a request, and tells the machine of the answer. */
  async #ask(output: WebSeedOutput & { type: "request" }): Promise<void> {
    const { id, headers, isRedirect } = output;
    const running = this.#begin(id);
    const { request } = running;
    const { signal } = request;
    const url = new URL(output.url);
    this.#driver.input({ type: "awaiting", id });
    try {
      const { isNamed = false, resolve = systemResolve, isBlocked } =
        this.#options;
      const target = await judgeTarget(url, {
        base: this.#base,
        isNamed,
        resolve,
        isBlocked,
      });
      if (signal.aborted) return;
      if (target.type === "refused") {
        const { reason, isForbidden } = target;
        return this.#driver.input({ type: "failed", id, reason, isForbidden });
      }
      if (isRedirect && url.hostname !== this.#base.hostname) {
        const giveWay = () => this.#giveWay(running.slot);
        running.host = this.#hosts.tryTake(url.hostname, giveWay);
        if (running.host === undefined) {
          const reason = "Too many requests to this host are waiting already";
          return this.#driver.input({ type: "failed", id, reason });
        }
      }
      const response = await this.#fetch(url, headers, signal, target.place);
      if (signal.aborted) return await response.body?.cancel();
      running.response = response;
      const { status, headers: answer } = response;
      this.#driver.input({ type: "answer", id, status, headers: answer });
    } catch (error) {
      if (signal.aborted) return;
      this.#driver.input({ type: "failed", id, reason: fetchReason(error) });
    }
  }

  /** Takes the place of a new transfer, or ends the last request of one. */
  #begin(id: number): Running {
    const running = this.#running.get(id);
    if (running === undefined) {
      const made: Running = {
        slot: this.#slots.shift()!,
        gate: this.#options.gate?.(),
        host: undefined,
        request: new AbortController(),
        response: undefined,
      };
      this.#running.set(id, made);
      return made;
    }
    this.#track(giveUp(running));
    running.request = new AbortController();
    return running;
  }

  #fetch(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    place: HostPlace | undefined,
  ): Promise<Response> {
    const { userAgent = "bip/0.1.0" } = this.#options;
    return this.#checked.fetch(url, {
      redirect: "manual",
      signal,
      headers: { ...headers, "user-agent": userAgent },
    }, place);
  }

  /** Reads a body to its end. */
  async #read(id: number, running: Running): Promise<void> {
    const { gate, response, request: { signal } } = running;
    const reader = new BodyReader(response?.body ?? null);
    try {
      while (true) {
        const granted = await permit(gate, signal);
        if (signal.aborted) return;
        this.#driver.input({ type: "awaiting", id });
        let data: Uint8Array | undefined;
        try {
          data = await reader.read(granted);
        } finally {
          gate?.after(data?.length ?? 0);
        }
        if (signal.aborted) return;
        if (data === undefined) {
          return this.#driver.input({ type: "ended", id });
        }
        this.#driver.input({ type: "bytes", id, data });
        if (signal.aborted) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#driver.input({ type: "failed", id, reason: fetchReason(error) });
    } finally {
      await reader.close();
    }
  }
}

/** Ends the request under way. */
async function giveUp(running: Running): Promise<void> {
  const { response } = running;
  running.request.abort();
  running.response = undefined;
  running.host?.free();
  running.host = undefined;
  // One that is being read is given up by its reader.
  await response?.body?.cancel().catch(() => {});
}

/** Waits for a permission to read, or for the end. */
function permit(
  gate: WebSeedGate | undefined,
  signal: AbortSignal,
): number | Promise<number> {
  const granted = gate?.before(READ_BYTES) ?? READ_BYTES;
  if (typeof granted === "number") return granted;
  return new Promise((resolve) => {
    const forget = onAborted(signal, () => resolve(0));
    void granted.then((bytes) => {
      forget();
      if (signal.aborted) gate!.after(0);
      resolve(bytes);
    });
  });
}
