import type { Finding } from '../../platform/finding.ts';

const MARKS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;

/** A line for what is well; why and what to do for the rest. */
export function findingLines(findings: readonly Finding[]): string[] {
  return findings.flatMap(({ status, what, why, fix }) => {
    const more = status === 'ok' ? [] : [why, ...(fix === undefined ? [] : fix.split('\n'))];
    return [`${MARKS[status]}  ${what}`, ...more.map((line) => `      ${line}`)];
  });
}
