/**
 * The decoder's options, checked and filled in.
 *
 * @module
 */
import { BencodeSyntaxError, type BencodeSyntaxErrorCode } from "../error.ts";
import type {
  BencodeLeniency,
  BencodeLeniencyReport,
  BencodeLimits,
  DecodeBencodeOptions,
} from "../types.ts";

/** One bit for each leniency. */
export const LENIENCY_BITS: Readonly<Record<BencodeLeniency, number>> = {
  "leading-zero": 1,
  "negative-zero": 2,
  "unsorted-keys": 4,
  "duplicate-keys": 8,
  "trailing-bytes": 16,
};

/** Limits with every field set. */
export type ResolvedLimits = Readonly<Record<keyof BencodeLimits, number>>;

/** Options with every field set. */
export interface ResolvedOptions extends ResolvedLimits {
  /** Union of {@linkcode LENIENCY_BITS}. */
  readonly allowed: number;
  /** Called for each departure that was accepted. */
  readonly onLeniency: ((report: BencodeLeniencyReport) => void) | undefined;
}

/** Where a pass over bytes stopped, and why. Reused, so that no junk throws. */
export interface Fault {
  /** What is wrong; `undefined` when nothing is. */
  code: BencodeSyntaxErrorCode | undefined;
  /** Of the fault, or else of the byte after the value. */
  offset: number;
}

/**
 * Makes the error for a fault.
 *
 * @param fault What stopped a pass.
 * @returns The error to throw.
 */
export function toSyntaxError(fault: Fault): BencodeSyntaxError {
  return new BencodeSyntaxError(fault.code ?? "invalid-value", fault.offset);
}

const DEFAULT_LIMITS: ResolvedLimits = {
  maxDepth: 100,
  maxTokens: 2_000_000,
  maxLength: Infinity,
  maxIntegerDigits: 4096,
};

const DEFAULT_OPTIONS: ResolvedOptions = {
  ...DEFAULT_LIMITS,
  allowed: 0,
  onLeniency: undefined,
};

function checkLimit(name: keyof BencodeLimits, value: number): number {
  if (value === Infinity || (Number.isSafeInteger(value) && value >= 0)) {
    return value;
  }
  throw new RangeError(
    `Option ${name} must be an integer of at least 0 or Infinity: current value is ${value}`,
  );
}

/**
 * Checks limits and fills in the defaults.
 *
 * @param limits As given by the caller.
 * @param maxLength The default of that name.
 * @returns Every limit.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 */
export function resolveLimits(
  limits: BencodeLimits | undefined,
  maxLength: number = DEFAULT_LIMITS.maxLength,
): ResolvedLimits {
  return {
    maxDepth: checkLimit(
      "maxDepth",
      limits?.maxDepth ?? DEFAULT_LIMITS.maxDepth,
    ),
    maxTokens: checkLimit(
      "maxTokens",
      limits?.maxTokens ?? DEFAULT_LIMITS.maxTokens,
    ),
    maxLength: checkLimit("maxLength", limits?.maxLength ?? maxLength),
    maxIntegerDigits: checkLimit(
      "maxIntegerDigits",
      limits?.maxIntegerDigits ?? DEFAULT_LIMITS.maxIntegerDigits,
    ),
  };
}

function allowedBits(mode: DecodeBencodeOptions["mode"]): number {
  if (mode === undefined || mode === "strict") return 0;
  if (mode === "lenient") return 31;
  let bits = 0;
  if (Array.isArray(mode)) {
    for (const name of mode as readonly BencodeLeniency[]) {
      const bit = Object.hasOwn(LENIENCY_BITS, name) ? LENIENCY_BITS[name] : 0;
      if (bit === 0) {
        throw new TypeError(`Option mode names an unknown leniency: ${name}`);
      }
      bits |= bit;
    }
    return bits;
  }
  throw new TypeError(
    `Option mode must be "strict", "lenient" or a list of leniencies: current value is ${mode}`,
  );
}

/**
 * Checks options and fills in the defaults.
 *
 * @param options As given by the caller.
 * @param maxLength The default of that name.
 * @returns Every option.
 * @throws {RangeError} If a limit is not an integer of at least 0 or Infinity.
 * @throws {TypeError} If the mode is unknown.
 */
export function resolveOptions(
  options: DecodeBencodeOptions | undefined,
  maxLength?: number,
): ResolvedOptions {
  if (options === undefined && maxLength === undefined) return DEFAULT_OPTIONS;
  const limits = resolveLimits(options, maxLength);
  return {
    maxDepth: limits.maxDepth,
    maxTokens: limits.maxTokens,
    maxLength: limits.maxLength,
    maxIntegerDigits: limits.maxIntegerDigits,
    allowed: allowedBits(options?.mode),
    onLeniency: options?.onLeniency,
  };
}
