import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateFinding, TemplateParts } from '../mail/templates/finding.ts';
import type { TemplateVersion } from '../mail/templates/store.ts';
import { findingLine, type TemplateName } from '../sign-in/mailing/templates.ts';
import { answer, type Call, type Command, type Flag, instantText, UsageError, withRooms } from './command.ts';
import { table } from './table.ts';

const nameFlags = {
  locale: { type: 'string', value: 'TAG', meaning: 'Language, such as de (the language of the deployment)' },
  client: { type: 'string', value: 'ID', meaning: 'Only the mails of this client (every client)' },
} as const satisfies Record<string, Flag>;

const partFlags = {
  subject: { type: 'string', value: 'TEXT', meaning: 'Subject' },
  preheader: { type: 'string', value: 'TEXT', meaning: 'What a list of mails shows after the subject' },
  html: { type: 'string', value: 'FILE', meaning: 'HTML part' },
  text: { type: 'string', value: 'FILE', meaning: 'Text part' },
} as const satisfies Record<string, Flag>;

function nameIn(call: Call): TemplateName {
  return { kind: call.args[0] ?? '', locale: call.text('locale'), client: call.text('client') };
}

/** Only the parts that are named. */
function partsIn(call: Call): Partial<TemplateParts> {
  const [subject, preheader] = [call.text('subject'), call.text('preheader')];
  const [html, text] = [fileIn(call, 'html'), fileIn(call, 'text')];
  return {
    ...(subject !== undefined && { subject }),
    ...(preheader !== undefined && { preheader }),
    ...(html !== undefined && { html }),
    ...(text !== undefined && { text }),
  };
}

function fileIn(call: Call, flag: string): string | undefined {
  const path = call.text(flag);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new UsageError(`There is no file ${path} to read.`, `Give --${flag} the path of a text file.`);
  }
}

function versionIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(
    `${text} is no version.`,
    'Give its number; `postern template versions KIND` lists them.',
  );
}

function lineOf(finding: TemplateFinding): string {
  return `${finding.severity === 'error' ? 'error  ' : 'warning'}  ${findingLine(finding)}`;
}

function rowOf({ kind, locale, clientId, version, createdAt, active }: TemplateVersion): string[] {
  return [
    kind,
    locale,
    clientId ?? 'every client',
    String(version),
    active ? 'yes' : '',
    instantText(createdAt),
  ];
}

const HEADING = ['KIND', 'LANGUAGE', 'CLIENT', 'VERSION', 'IN USE', 'SAVED'];

const list: Command = {
  summary: 'List the mails that have a template; all others are the default',
  usage: 'postern template list',
  takes: { min: 0, max: 0 },
  flags: {},
  examples: ['postern template list', 'postern template list --json'],
  run: async (call) => {
    const found = await withRooms(call, ({ templates }) => templates.list());
    return answer(call, found, table(HEADING, found.map(rowOf), 'Every mail is the default.'));
  },
};

const show: Command = {
  summary: 'Show a template',
  usage: 'postern template show KIND [--locale TAG] [--client ID] [--version N]',
  takes: { min: 1, max: 1 },
  flags: { ...nameFlags, version: { type: 'string', value: 'N', meaning: 'A version (the one in use)' } },
  examples: ['postern template show sign_in_both --locale de', 'postern template show test --json'],
  run: async (call) => {
    const version = versionIn(call.text('version'));
    const found = await withRooms(call, ({ templates }) => templates.show(nameIn(call), version));
    const { subject, preheader, html, text } = found.parts;
    const lines = [
      `subject: ${subject}`,
      `preheader: ${preheader}`,
      '',
      '--- text ---',
      text,
      '--- html ---',
      html,
    ];
    return answer(call, found, lines);
  },
};

const save: Command = {
  summary: 'Save a template as a new version, which mails use from now on',
  usage:
    'postern template save KIND [--locale TAG] [--client ID] [--subject TEXT] [--preheader TEXT] [--html FILE] [--text FILE]',
  takes: { min: 1, max: 1 },
  flags: { ...nameFlags, ...partFlags },
  examples: [
    `postern template save sign_in_both --locale en --subject '{{ code }} is your {{ app.name }} code' --html mail.html --text mail.txt`,
    `postern template save sign_in_both --locale en --subject 'Your code: {{ code }}'`,
  ],
  run: async (call) => {
    const parts = partsIn(call);
    if (Object.keys(parts).length === 0)
      throw new UsageError('There is nothing to save.', 'Give --subject, --preheader, --html or --text.');
    const saved = await withRooms(call, ({ templates }) => templates.save(nameIn(call), parts));
    return answer(call, saved, [
      ...saved.findings.map(lineOf),
      `Saved as version ${saved.version}; mails use it now.`,
    ]);
  },
};

const check: Command = {
  summary: 'Say what is wrong with a template, without saving it',
  usage: 'postern template check KIND --subject TEXT --html FILE --text FILE [--preheader TEXT]',
  takes: { min: 1, max: 1 },
  flags: partFlags,
  examples: [
    `postern template check sign_in_both --subject '{{ code }}' --html mail.html --text mail.txt --json`,
  ],
  run: async (call) => {
    const findings = await withRooms(call, async ({ templates }) =>
      templates.check(call.args[0] ?? '', partsIn(call)),
    );
    answer(call, findings, findings.length === 0 ? ['Nothing is wrong with it.'] : findings.map(lineOf));
    return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
  },
};

const preview: Command = {
  summary: 'Show a mail as it would leave, with sample values',
  usage:
    'postern template preview KIND [--locale TAG] [--client ID] [--subject TEXT] [--html FILE] [--text FILE] [--out DIR] [--send ADDRESS]',
  takes: { min: 1, max: 1 },
  flags: {
    ...nameFlags,
    ...partFlags,
    send: { type: 'string', value: 'ADDRESS', meaning: 'Send it there, with the sample values' },
    out: { type: 'string', value: 'DIR', meaning: 'Write mail.html and mail.txt there' },
  },
  examples: [
    'postern template preview sign_in_both --locale fr',
    'postern template preview disowned --out .',
    'postern template preview sign_in_both --locale ar --client skc_1790000000000123456 --send ana@example.com',
  ],
  run: async (call) => {
    const parts = partsIn(call);
    const given = Object.keys(parts).length === 0 ? undefined : parts;
    const to = call.text('send');
    const mail = await withRooms(call, async ({ templates, mail: way }) => {
      const shown = await templates.preview(nameIn(call), { parts: given, ...(to !== undefined && { to }) });
      const handover = to === undefined ? undefined : await way.sendTest(to, shown);
      return { ...shown, ...(handover && { sent: handover }) };
    });
    const folder = call.text('out');
    const lines = [
      ...(mail.sent ? [`sent: ${mail.sent.outcome}`] : []),
      `subject: ${mail.subject}`,
      `preheader: ${mail.preheader}`,
      '',
      mail.text.trimEnd(),
    ];
    if (folder === undefined) return answer(call, mail, lines);
    writeFileSync(join(folder, 'mail.html'), mail.html);
    writeFileSync(join(folder, 'mail.txt'), mail.text);
    return answer(call, mail, [...lines, '', `Written: ${join(folder, 'mail.html')} and mail.txt.`]);
  },
};

const versions: Command = {
  summary: 'List the versions of a template, newest first',
  usage: 'postern template versions KIND [--locale TAG] [--client ID]',
  takes: { min: 1, max: 1 },
  flags: nameFlags,
  examples: ['postern template versions sign_in_both --locale de'],
  run: async (call) => {
    const found = await withRooms(call, ({ templates }) => templates.versions(nameIn(call)));
    return answer(
      call,
      found,
      table(HEADING, found.map(rowOf), 'None was ever saved: mails are the default.'),
    );
  },
};

const diff: Command = {
  summary: 'Show what a version changed, line by line',
  usage: 'postern template diff KIND [VERSION] [--from N] [--locale TAG] [--client ID]',
  takes: { min: 1, max: 2 },
  flags: {
    ...nameFlags,
    from: { type: 'string', value: 'N', meaning: 'Against this version (the one before)' },
  },
  examples: [
    'postern template diff sign_in_both',
    'postern template diff sign_in_both 7 --from 3 --locale de',
  ],
  run: async (call) => {
    const [to, from] = [versionIn(call.args[1]), versionIn(call.text('from'))];
    const found = await withRooms(call, ({ templates }) => templates.diff(nameIn(call), to, from));
    const lines = found.flatMap(({ part, lines: changed }) => [
      `--- ${part} ---`,
      ...changed.map(({ mark, text }) => `${mark} ${text}`),
    ]);
    return answer(call, found, lines.length === 0 ? ['They are the same.'] : lines);
  },
};

const revert: Command = {
  summary: 'Go back to a version of a template',
  usage: 'postern template revert KIND VERSION [--locale TAG] [--client ID]',
  takes: { min: 2, max: 2 },
  flags: nameFlags,
  examples: ['postern template revert sign_in_both 3 --locale de'],
  run: async (call) => {
    const version = versionIn(call.args[1]) ?? 0;
    await withRooms(call, ({ templates }) => templates.revert(nameIn(call), version));
    return answer(call, { version }, [`Mails use version ${version} now.`]);
  },
};

const remove: Command = {
  summary: 'Go back to the default mail; the versions stay',
  usage: 'postern template remove KIND [--locale TAG] [--client ID]',
  takes: { min: 1, max: 1 },
  flags: nameFlags,
  examples: ['postern template remove sign_in_both --locale de'],
  run: async (call) => {
    await withRooms(call, ({ templates }) => templates.remove(nameIn(call)));
    return answer(call, {}, ['Removed. `postern template revert` goes back to a version of it.']);
  },
};

export const templateCommands = {
  'template list': list,
  'template show': show,
  'template save': save,
  'template check': check,
  'template preview': preview,
  'template versions': versions,
  'template diff': diff,
  'template revert': revert,
  'template remove': remove,
};
