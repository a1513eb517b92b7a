import type { Instant } from '../../core/ids.ts';
import { SECOND } from '../../core/units.ts';

/** One failure is an accident, three in a row are a state. */
const FAILURES_MAX = 3;

/** A mail lives for some minutes: a provider that is back must be noticed well within that. */
const PAUSE_FIRST = 2 * SECOND;
const PAUSE_MAX = 30 * SECOND;

/**
 * Keeps mails away from a provider that does not work: after failures in a row for a pause, which grows
 * while one mail at a time finds that it still does not.
 */
export class Breaker {
  #failures = 0;
  #pause = 0;
  #closedUntilProbe: Instant | undefined;
  #probing = false;

  get isOpen(): boolean {
    return this.#closedUntilProbe !== undefined;
  }

  /** Whether a mail may be tried now; after a pause that is one mail, until its result is known. */
  admits(now: Instant): boolean {
    if (this.#closedUntilProbe === undefined) return true;
    if (this.#probing || now < this.#closedUntilProbe) return false;
    this.#probing = true;
    return true;
  }

  /** True when the provider was down until now. */
  succeed(): boolean {
    const wasOpen = this.isOpen;
    this.#failures = 0;
    this.#pause = 0;
    this.#closedUntilProbe = undefined;
    this.#probing = false;
    return wasOpen;
  }

  /** True when the provider counts as down from now on. */
  fail(now: Instant): boolean {
    this.#failures += 1;
    if (this.isOpen && !this.#probing) return false; // it left before the others failed
    if (!this.isOpen && this.#failures < FAILURES_MAX) return false;
    const opens = !this.isOpen;
    this.#probing = false;
    this.#pause = Math.min(PAUSE_MAX, Math.max(PAUSE_FIRST, this.#pause * 2));
    this.#closedUntilProbe = now + this.#pause;
    return opens;
  }

  /** What was tried says nothing of the provider. */
  skip(): void {
    this.#probing = false;
  }
}
