import type { AttemptId } from '../core/ids.ts';
import type { Secrets } from '../platform/secrets.ts';

/** How many numbers there are to choose from where the link was opened; one of them is right. */
const CHOICES = 3;

/** The two digits that the first page shows while remote approval is allowed: always the same for an attempt. */
export function numberOf(secrets: Secrets, id: AttemptId): string {
  return twoDigits(secrets, `${id}:0`);
}

/** The right number among others, in rising order, which tells nothing. */
export function numbersOf(secrets: Secrets, id: AttemptId): string[] {
  const numbers = new Set<string>();
  for (let at = 0; numbers.size < CHOICES; at += 1) numbers.add(twoDigits(secrets, `${id}:${at}`));
  return [...numbers].toSorted();
}

function twoDigits(secrets: Secrets, about: string): string {
  const value = Number.parseInt(
    Buffer.from(secrets.hash('approval', about)).toString('hex').slice(0, 12),
    16,
  );
  return String(10 + (value % 90));
}
