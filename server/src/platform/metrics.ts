/** Labels of a series; their values come from a small, fixed set, never from people. */
export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels?: Labels, by?: number): void;
}

export interface Histogram {
  /** Seconds. */
  observe(seconds: number, labels?: Labels): void;
}

/** One value of a gauge, as it is when somebody asks. */
export interface Reading {
  readonly value: number;
  readonly labels?: Labels;
}

/** What this process counts, in the text format of Prometheus (version 0.0.4). */
export interface Metrics {
  counter(name: string, help: string): Counter;
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** A value that is read when somebody asks; one whose name ends in `_total` only grows, and is a counter. */
  gauge(name: string, help: string, read: () => Promise<readonly Reading[]> | readonly Reading[]): void;
  render(): Promise<string>;
}

type Line = readonly [suffix: string, labels: Labels, value: number];

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  lines(): Promise<readonly Line[]> | readonly Line[];
}

/** `always` are labels of every series, such as the process. */
export function createMetrics(always: Labels = {}): Metrics {
  const families: Family[] = [];
  return {
    counter: (name, help) => {
      const series = new Map<string, { labels: Labels; value: number }>();
      families.push({
        name,
        help,
        type: 'counter',
        lines: () => [...series.values()].map(({ labels, value }) => ['', labels, value] as const),
      });
      return {
        add: (labels = {}, by = 1) => {
          const one = series.get(textOf(labels)) ?? { labels, value: 0 };
          series.set(textOf(labels), { labels, value: one.value + by });
        },
      };
    },
    histogram: (name, help, bounds) => {
      const series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>();
      const lines = () =>
        [...series.values()].flatMap(({ labels, counts, sum, count }): Line[] => [
          ...bounds.map((bound, at): Line => ['_bucket', { ...labels, le: String(bound) }, counts[at] ?? 0]),
          ['_bucket', { ...labels, le: '+Inf' }, count],
          ['_sum', labels, sum],
          ['_count', labels, count],
        ]);
      families.push({ name, help, type: 'histogram', lines });
      return {
        observe: (seconds, labels = {}) => {
          const known = series.get(textOf(labels));
          const one = known ?? { labels, counts: bounds.map(() => 0), sum: 0, count: 0 };
          one.counts = one.counts.map((count, at) => count + Number(seconds <= (bounds[at] ?? 0)));
          one.sum += seconds;
          one.count += 1;
          series.set(textOf(labels), one);
        },
      };
    },
    gauge: (name, help, read) => {
      const lines = async () => (await read()).map(({ value, labels = {} }): Line => ['', labels, value]);
      families.push({ name, help, type: name.endsWith('_total') ? 'counter' : 'gauge', lines });
    },
    render: async () => {
      const texts = await Promise.all(families.map((family) => rendered(family, always)));
      return `${texts.flat().join('\n')}\n`;
    },
  };
}

async function rendered(family: Family, always: Labels): Promise<string[]> {
  const { name, type, help } = family;
  const lines = await family.lines();
  return [
    `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', ' ')}`,
    `# TYPE ${name} ${type}`,
    ...lines.map(([suffix, labels, value]) => `${name}${suffix}${textOf({ ...labels, ...always })} ${value}`),
  ];
}

function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
