import type { Config } from '../platform/config.ts';
import type { Finding } from '../platform/finding.ts';
import { findingLines } from './checks/lines.ts';
import { preflightFlags } from './checks/mail.ts';
import { answer, type Call, type Command, configFor } from './command.ts';
import { troubleOf } from './trouble.ts';

export const doctorCommand: Command = {
  summary: 'Check configuration, database, keys, limits and mail, and say what to do',
  usage: 'postern doctor',
  takes: { min: 0, max: 0 },
  flags: preflightFlags,
  examples: ['postern doctor', 'postern doctor --json', 'postern doctor --selector s1 --dns 1.1.1.1'],
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
  const { mailFindings } = await import('./checks/mail.ts');
  const rooms = await call.wiring.open(config);
  try {
    const [keys, mail] = [await keyFindings(rooms), await mailFindings(call, config, rooms)];
    return [...keys, ...decisionFindings(await rooms.settings.current()), ...mail];
  } finally {
    await rooms.close();
  }
}

function report(findings: readonly Finding[]): string[] {
  const lines = findingLines(findings);
  const count = (status: Finding['status']) => findings.filter((each) => each.status === status).length;
  return [...lines, '', `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed`];
}
