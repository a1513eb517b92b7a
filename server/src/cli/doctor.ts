import type { Config } from '../platform/config.ts';
import type { Finding } from '../platform/finding.ts';
import { answer, type Call, type Command, configFor } from './command.ts';
import { troubleOf } from './trouble.ts';

export const doctorCommand: Command = {
  summary: 'Check configuration, database, keys and limits, and say what to do',
  usage: 'postern doctor',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern doctor', 'postern doctor --json', 'postern doctor --data /var/lib/postern'],
  run: async (call) => {
    const findings = await findingsOf(call);
    answer(call, findings, report(findings));
    return findings.some(({ status }) => status === 'fail') ? 1 : 0;
  },
};

async function findingsOf(call: Call): Promise<Finding[]> {
  const [id, why] = ['configuration', 'The server starts with nothing less.'];
  const config = await configFor(call, 'tool').catch((failure: unknown) => troubleOf(failure));
  if ('exitCode' in config) return [{ id, status: 'fail', what: config.what, why, fix: config.todo }];
  const read: Finding = { id, status: 'ok', what: 'The configuration can be read.', why };
  return [read, ...(await afterConfiguration(call, config))];
}

/** What does not need the other is looked at too when one is broken. */
async function afterConfiguration(call: Call, config: Config): Promise<Finding[]> {
  const { environmentFindings } = await import('./checks/environment.ts');
  const { issuerFinding } = await import('./checks/issuer.ts');
  const { storeFindings } = await import('./checks/store.ts');
  const [issuer, store] = await Promise.all([issuerFinding(config.url), storeFindings(config)]);
  const isUsable = store.every(({ status }) => status === 'ok');
  const within = isUsable ? await insideStore(call, config) : [];
  return [...environmentFindings(config), ...store, ...within, issuer];
}

async function insideStore(call: Call, config: Config): Promise<Finding[]> {
  const { decisionFindings } = await import('./checks/decisions.ts');
  const { keyFindings } = await import('./checks/keys.ts');
  const rooms = await call.wiring.open(config);
  try {
    return [...(await keyFindings(rooms)), ...decisionFindings(await rooms.settings.current())];
  } finally {
    await rooms.close();
  }
}

const MARKS = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL' } as const;

/** A line for what is well; why and what to do for the rest. */
function report(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap(({ status, what, why, fix }) => {
    const more = status === 'ok' ? [] : [why, ...(fix === undefined ? [] : fix.split('\n'))];
    return [`${MARKS[status]}  ${what}`, ...more.map((line) => `      ${line}`)];
  });
  const count = (status: Finding['status']) => findings.filter((each) => each.status === status).length;
  return [...lines, '', `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed`];
}
