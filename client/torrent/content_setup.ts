/**
 * Makes the content of a torrent ready, and checks it again.
 *
 * @module
 */
import type {
  CheckProgress,
  ReserveProgress,
} from "../../disk/check_options.ts";
import type { SetupOptions } from "../content/open_storage.ts";
import type { TorrentHost } from "../content/torrent_host.ts";

/** A promise that is made when somebody asks for it, and may be rejected unseen. */
export class Settlement<T> {
  #made: PromiseWithResolvers<T> | undefined;
  #settle: ((made: PromiseWithResolvers<T>) => void) | undefined;

  /** Settled as the first call of the others says. */
  get promise(): Promise<T> {
    if (this.#made === undefined) {
      this.#made = Promise.withResolvers<T>();
      this.#made.promise.catch(() => {});
      this.#settle?.(this.#made);
    }
    return this.#made.promise;
  }

  /** Fulfils it, unless it is settled. */
  resolve(value: T): void {
    this.#as((made) => made.resolve(value));
  }

  /** Rejects it, unless it is settled. */
  reject(reason: unknown): void {
    this.#as((made) => made.reject(reason));
  }

  #as(settle: (made: PromiseWithResolvers<T>) => void): void {
    if (this.#settle !== undefined) return;
    this.#settle = settle;
    if (this.#made !== undefined) settle(this.#made);
  }
}

/** Whom it tells. */
type SetupHost = Pick<TorrentHost, "fail" | "goOn" | "publish">;

/** What is done with the files of a torrent before it starts or goes on. */
export class ContentSetup {
  readonly #host: SetupHost;
  /** Ends what is under way. */
  #stopping: AbortController | undefined;
  /** Defined once nothing is to begin any more. */
  #reason: unknown;
  /** What is under way; never rejects. */
  running: Promise<void> | undefined;
  /** Defined while a check waits for the end of a pause that came meanwhile. */
  #held: Settlement<void> | undefined;

  constructor(host: SetupHost) {
    this.#host = host;
  }

  /** Has a check that is under way wait for {@linkcode ContentSetup.release}. */
  hold(): void {
    if (this.running !== undefined) this.#held ??= new Settlement();
  }

  /** Lets a check that waits go on. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** Ends what is under way, and lets nobody go on afterwards. */
  stop(reason: unknown): void {
    this.#reason = reason;
    this.#stopping?.abort(reason);
    this.release();
  }

  /** Does something with the files; never rejects. */
  run(
    work: (options: SetupOptions) => Promise<void>,
  ): Promise<void> {
    const stopping = this.#stopping = new AbortController();
    const { signal } = stopping;
    if (this.#reason !== undefined) stopping.abort(this.#reason);
    const options = {
      onProgress: ({ checked, total }: CheckProgress) =>
        this.#host.publish({ type: "checking", checked, total }),
      onReserve: (progress: ReserveProgress) =>
        this.#host.publish({ type: "reserving", ...progress }),
      hold: () => this.#held?.promise,
      signal,
    };
    return this.running = (async () => {
      try {
        await work(options);
      } catch (error) {
        this.running = this.#stopping = undefined;
        if (!signal.aborted) this.#host.fail(error);
        return;
      }
      this.running = this.#stopping = undefined;
      if (!signal.aborted) this.#host.goOn();
    })();
  }
}
