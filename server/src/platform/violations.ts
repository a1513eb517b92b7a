import { Problem, type Violation } from '../core/problems.ts';

/** Refuses a request whose fields cannot be used, naming every one; nothing where there is none. Throws `validation_failed`. */
export function requireFields(violations: readonly Violation[]): void {
  if (violations.length > 0) throw fieldsRefused(violations);
}

/** `validation_failed` with what is wrong with each field. */
export function fieldsRefused(violations: readonly Violation[]): Problem {
  const each = violations.map(({ field, description }) => `${field} ${description}`);
  return new Problem('validation_failed', `${each.join('; ').slice(0, 1000)}.`, { violations });
}
