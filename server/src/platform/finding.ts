/** What a check has found: what is so, why it matters, and what to do about it. */
export interface Finding {
  /** Stays the same from release to release: programs look for it. */
  readonly id: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly why: string;
  readonly fix?: string;
}

export interface Fault {
  readonly what: string;
  readonly fix: string;
}

/** Gives the first fault, as a finding; the good word when there is none. */
export function judged(
  check: { id: string; status: 'warn' | 'fail'; why: string; good: string },
  faults: readonly (Fault | undefined)[],
): Finding {
  const { id, status, why, good } = check;
  const fault = faults.find((each) => each !== undefined);
  return fault === undefined ? { id, status: 'ok', what: good, why } : { id, status, why, ...fault };
}
