/** The parts of a mail that a template writes. */
export const partNames = ['subject', 'preheader', 'html', 'text'] as const;
export type PartName = (typeof partNames)[number];

/** Of a template, as somebody wrote it. */
export type TemplateParts = Readonly<Record<PartName, string>>;

/** What stands in the way of a template, or what its author should know. */
export interface TemplateFinding {
  /** A template with an error is not saved. */
  readonly severity: 'error' | 'warning';
  readonly part: PartName;
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What was most likely meant. */
  readonly nearest?: string;
}

/** The same, by offset, while a part is read. */
export interface Remark {
  readonly severity: 'error' | 'warning';
  readonly at: number;
  readonly message: string;
  readonly nearest?: string | undefined;
}

export type Report = (at: number, message: string, nearest?: string) => void;

/** Enough to begin with: one slip early in a file can cause many. */
const FINDINGS_MAX = 50;

/** In the order of the source, with lines and columns. */
export function placed(part: PartName, source: string, remarks: readonly Remark[]): TemplateFinding[] {
  return remarks
    .toSorted((one, other) => one.at - other.at)
    .slice(0, FINDINGS_MAX)
    .map(({ severity, at, message, nearest }) => {
      const before = source.slice(0, at);
      return {
        severity,
        part,
        line: before.split('\n').length,
        column: at - before.lastIndexOf('\n'),
        message,
        ...(nearest !== undefined && { nearest }),
      };
    });
}
