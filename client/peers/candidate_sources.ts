/**
 * What is thought of the sources of peer candidates.
 *
 * @module
 */
import type { CandidateSource } from "../../_shared/address.ts";
import type { CandidateSourceTraits } from "../types.ts";

/** What is thought of a source that nobody described. */
export const DEFAULT_SOURCE_TRAITS: CandidateSourceTraits = {
  rank: 3,
  share: 0.5,
  isOpen: true,
  isTrusted: false,
  namesLocal: false,
};

/** The sources of this package. */
const STANDARD: ReadonlyMap<CandidateSource, CandidateSourceTraits> = new Map(
  ([
    ["manual", { rank: 0, share: 1, isOpen: false, isTrusted: true }],
    ["magnet", { rank: 1, share: 0.05, isOpen: false, namesLocal: true }],
    ["resume", { rank: 1, isOpen: false, isTrusted: true }],
    ["tracker", { rank: 2, share: 0.75, isOpen: false }],
    ["lpd", { rank: 2, share: 0.25 }],
    ["dht", { share: 0.75 }],
    ["incoming", { share: 0.25, isOpen: false }],
    ["pex", { rank: 4 }],
  ] satisfies [CandidateSource, Partial<CandidateSourceTraits>][]).map((
    [name, traits],
  ) => [name, { ...DEFAULT_SOURCE_TRAITS, ...traits }]),
);

/** Traits of sources by name; those that nobody described have the default. */
export class CandidateSources {
  readonly #own = new Map<CandidateSource, CandidateSourceTraits>();

  /**
   * Describes sources beside the standard ones.
   *
   * @param sources Name and traits of each; what is left out has the default.
   */
  constructor(
    sources: Iterable<
      readonly [CandidateSource, Partial<CandidateSourceTraits>]
    > = [],
  ) {
    for (const [name, traits] of sources) {
      if (STANDARD.has(name)) continue;
      this.#own.set(name, { ...DEFAULT_SOURCE_TRAITS, ...traits });
    }
  }

  /**
   * Looks a source up.
   *
   * @param source Its name.
   * @returns What is thought of it.
   */
  of(source: CandidateSource): CandidateSourceTraits {
    return STANDARD.get(source) ?? this.#own.get(source) ??
      DEFAULT_SOURCE_TRAITS;
  }
}
