/**
 * Runs the plan of a dial: the first attempt that works is taken. Connects within
 * a time limit.
 *
 * @module
 */
import { type Clock, deadlineSignal } from "../../_shared/clock.ts";
import type { DialAttempt, DialPlan } from "./dial_plan.ts";
import { orAborted } from "../../_shared/abort.ts";
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection, ByteTransport } from "../../_shared/byte_conn.ts";
import { HandshakeError } from "../error.ts";

/** How {@linkcode connectWithin} connects. */
interface ConnectWithinOptions {
  /** Makes the connection. */
  readonly transport: ByteTransport;
  /** Clock to use. */
  readonly clock: Clock;
  /** The limit, in ms. */
  readonly timeoutMs: number;
  /** Ends the attempt; its reason is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Connects, or throws a HandshakeError. Holds even with a transport that
 * ignores signals: a connection that comes too late is closed.
 */
export async function connectWithin(
  address: Endpoint,
  options: ConnectWithinOptions,
): Promise<ByteConnection> {
  const { transport, clock, timeoutMs, signal: outer } = options;
  const text = "Cannot connect to the peer within the time limit";
  using deadline = deadlineSignal(clock, timeoutMs, text, outer);
  const { signal } = deadline;
  // What it throws counts as a rejection as well.
  const connecting =
    (async () => await transport.connect(address, { signal }))();
  connecting.then((connection) => {
    if (signal.aborted) connection.close();
  }, () => {});
  try {
    return await orAborted(connecting, signal);
  } catch (cause) {
    if (outer.aborted) throw outer.reason;
    if (signal.aborted) {
      throw new HandshakeError("connect-timeout", text, { cause });
    }
    throw cause;
  }
}

/** What a race needs besides its plan. */
export interface RaceOptions<R> {
  /** Clock to use. */
  readonly clock: Clock;
  /**
   * Makes an attempt; it must end soon after its signal fires. Once connected it
   * waits for its `turn` before it shows itself, or until the signal it gives.
   */
  readonly run: (
    attempt: DialAttempt,
    turn: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<R>;
  /**
   * What an error means: `final` leaves other attempts no chance, at `hung-up`
   * another kind of encryption may help, at `failed` another transport.
   */
  readonly judge: (error: unknown) => "final" | "hung-up" | "failed";
  /** Why the others are called off. */
  readonly lost: unknown;
}

/**
 * Makes the attempts of a plan when their time comes. Returns the first result;
 * throws the first error when all have failed. No attempt is under way
 * afterwards.
 */
export async function race<R>(
  plan: DialPlan,
  options: RaceOptions<R>,
): Promise<R> {
  const { clock, run, judge, lost } = options;
  const stop = new AbortController();
  const { signal } = stop;
  const running = new Set<Promise<void>>();
  const turns = new Map<DialAttempt, () => void>();
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  let firstError: { readonly error: unknown } | undefined;
  let cancel = () => {};
  const begin = (attempt: DialAttempt) => {
    const turn = (until: AbortSignal) =>
      new Promise<void>((go, refuse) => {
        const give = () => refuse(until.reason);
        if (until.aborted) return give();
        until.addEventListener("abort", give, { once: true });
        turns.set(attempt, go);
        plan.connected(attempt, clock.now());
        advance();
      });
    const task: Promise<void> = run(attempt, turn, signal).then(
      (result) => {
        resolve(result);
        stop.abort(lost);
      },
      (error) => {
        firstError ??= { error };
        const verdict = judge(error);
        if (verdict === "final") {
          reject(error);
          return stop.abort(lost);
        }
        plan.failed(attempt, verdict === "hung-up", clock.now());
        advance();
        if (plan.isOver) reject(firstError.error);
      },
    ).finally(() => running.delete(task));
    running.add(task);
  };
  const advance = () => {
    cancel();
    if (signal.aborted) return;
    for (let step = plan.poll(); step !== undefined; step = plan.poll()) {
      if (step.type === "connect") begin(step.attempt);
      else turns.get(step.attempt)!();
    }
    if (plan.deadline === undefined) return;
    cancel = clock.schedule(plan.deadline, () => {
      plan.handleTimeout(clock.now());
      advance();
    });
  };
  advance();
  try {
    return await promise;
  } finally {
    cancel();
    await Promise.all(running);
  }
}
