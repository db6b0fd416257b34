/**
 * What signals do to the command.
 *
 * @module
 */

/** Signals that end the command, cleanly. */
const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

/**
 * Whether a hang-up is to be ignored, as it is below `nohup`. Linux says so, but
 * Deno lets only programs with all permissions read it, and only before the
 * first listener. The others take it that a program which shows nothing on a
 * terminal does not depend on one.
 */
function ignoresHangUp(): boolean {
  const path = "/proc/self/status";
  try {
    // Never ask the person for that.
    const { state } = Deno.permissions.querySync({ name: "read", path });
    if (state === "granted") {
      const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync(path));
      if (mask !== null) return (BigInt(`0x${mask[1]}`) & 1n) === 1n;
    }
  } catch {
    // Another system, or not enough permissions.
  }
  return !Deno.stdout.isTerminal() && !Deno.stderr.isTerminal();
}

/** Whether a hang-up means something else than the end. */
let isTaken = false;

/**
 * Gives a hang-up signal (SIGHUP) another meaning, as services have it: to read
 * their settings again. Windows has no such signal.
 *
 * @param listener Is called at each.
 * @returns Gives the signal its meaning back.
 */
export function onHangUp(listener: () => void): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  isTaken = true;
  Deno.addSignalListener("SIGHUP", listener);
  return {
    [Symbol.dispose]() {
      isTaken = false;
      Deno.removeSignalListener("SIGHUP", listener);
    },
  };
}

/**
 * Listens for the signals that end the command: Ctrl-C, SIGTERM, and SIGHUP
 * where it is not ignored.
 *
 * @param end Is called at each; `again` when it was asked for before.
 */
export function listenForSignals(end: (again: boolean) => void): void {
  const ignored = Deno.build.os !== "windows" && ignoresHangUp();
  let wasAsked = false;
  for (const signal of ENDING) {
    Deno.addSignalListener(signal, () => {
      end(wasAsked);
      wasAsked = true;
    });
  }
  if (Deno.build.os === "windows") return;
  // A file that may not grow any more is an error like others.
  Deno.addSignalListener("SIGXFSZ", () => {});
  // Also where it is ignored: Deno's listeners for other signals have it end
  // the program. A closing terminal sends it to every process, and some hand it
  // on: twice does not mean that anyone is in a hurry.
  Deno.addSignalListener("SIGHUP", () => {
    if (!ignored && !isTaken) end(false);
  });
}

/**
 * How long work may take to stop before it is given up, in milliseconds: a
 * device that does not answer must not keep the command.
 */
const STOP_MS = 20_000;

function callLater(ms: number, callback: () => void): () => void {
  const id = setTimeout(callback, ms);
  return () => clearTimeout(id);
}

/**
 * Waits for work to end, but not without end once it was told to.
 *
 * @typeParam T What the work returns.
 * @param work What was started.
 * @param signal Tells it to end; 20 s later it is given up.
 * @param later Calls back after so many milliseconds, unless what it returns is
 * called before. @default {callLater}
 * @returns What the work returns. Rejects with `signal.reason` when it is given
 * up.
 */
export async function unlessStuck<T>(
  work: Promise<T>,
  signal: AbortSignal,
  later: typeof callLater = callLater,
): Promise<T> {
  const stuck = Promise.withResolvers<never>();
  let cancel = () => {};
  const onAbort = () => {
    cancel = later(STOP_MS, () => stuck.reject(signal.reason));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, stuck.promise]);
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}
