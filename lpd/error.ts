/**
 * Errors of local discovery.
 *
 * @module
 */

/** Why local discovery cannot work: no socket could be opened. */
export type LpdErrorCode = "unavailable";

/** Extras of a {@linkcode LpdError}. */
export interface LpdErrorOptions {
  /** What went wrong underneath. */
  readonly cause?: unknown | undefined;
}

/** Local discovery cannot work here. */
export class LpdError extends Error {
  /** What kind of failure. */
  readonly code: LpdErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param message One line for people.
   * @param options See {@linkcode LpdErrorOptions}.
   */
  constructor(
    code: LpdErrorCode,
    message: string,
    options: LpdErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "LpdError";
    this.code = code;
  }
}
